// The connection to the playground: it sends its whole state after each change, and receives commands.

/** The stream is never silent for longer than three seconds: after this, it is taken for broken. */
const SILENCE = 10_000;
/** Between two attempts, at first and at most. */
const PAUSES = [400, 3_000];

/** Follows the pictures for ever. `told` is called: heard(), picture(picture), lost(why). */
export async function follow(told) {
  let pause = PAUSES[0];
  for (;;) {
    told.lost(await once(told, () => (pause = PAUSES[0])));
    await new Promise((done) => setTimeout(done, pause));
    pause = Math.min(pause * 2, PAUSES[1]);
  }
}

/** One stream to its end; gives the reason. */
async function once(told, begun) {
  const stop = new AbortController();
  let heard = performance.now();
  const watch = setInterval(() => {
    if (SILENCE < performance.now() - heard) stop.abort();
  }, 1_000);
  try {
    const answer = await fetch("changes", { cache: "no-store", signal: stop.signal });
    if (!answer.ok) return await problem(answer);
    begun();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "the playground has ended";
      heard = performance.now();
      told.heard();
      const blocks = (text + value).split("\n\n");
      text = blocks.pop();
      // Only the last one is the present state.
      const last = blocks.map((block) => block.split("\n").filter((line) => line.startsWith("data:"))).filter((lines) => lines.length !== 0).pop();
      const picture = last && JSON.parse(last.map((line) => line.slice(5)).join("\n"));
      if (picture) told.picture(picture);
    }
  } catch (error) {
    return stop.signal.aborted ? "the playground is silent" : "the playground has ended, or cannot be reached";
  } finally {
    clearInterval(watch);
    stop.abort();
  }
}

/** Has something done; an error says why it was not. */
export async function command(what) {
  const body = JSON.stringify(what);
  const answer = await fetch("commands", { method: "POST", headers: { "content-type": "application/json" }, body });
  if (!answer.ok) throw new Error(await problem(answer));
}

async function problem(answer) {
  try {
    return (await answer.json()).error;
  } catch {
    return `the playground answers with status ${answer.status}`;
  }
}
