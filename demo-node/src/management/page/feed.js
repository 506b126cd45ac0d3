// The node's data: a stream of events, and answers to questions. Asked again while the page is open.

/** A stream is never silent for longer than five seconds: after this, it is taken for broken. */
const SILENCE = 12_000;
/** Between two attempts, at first and at most. */
const PAUSES = [400, 3_000];
/** A page that nobody looks at gives its stream back after this. */
const UNSEEN = 300_000;
/** How long an answer may take. */
const PATIENCE = 5_000;

/** A question that is answered with JSON. Gives the answer, and the node's time. */
export async function ask(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  if (!answer.ok) throw new Error(await problem(answer));
  const body = await answer.json();
  return { body, now: Date.parse(answer.headers.get("date") ?? "") || Date.now() };
}

/** Follows the events for ever. `told` is called: heard(), event(name, event, old), live(), lost(why). */
export async function follow(told) {
  let pause = PAUSES[0];
  for (;;) {
    await seen();
    const why = await once(told, () => (pause = PAUSES[0]));
    told.lost(why);
    await new Promise((done) => setTimeout(done, pause * (0.75 + Math.random() / 2)));
    pause = Math.min(pause * 2, PAUSES[1]);
  }
}

/** One stream to its end; gives the reason. */
async function once(told, begun) {
  const stop = new AbortController();
  let heard = performance.now();
  let hidden = null;
  const watch = setInterval(() => {
    const now = performance.now();
    hidden = document.hidden ? (hidden ?? now) : null;
    if (SILENCE < now - heard || (hidden !== null && UNSEEN < now - hidden)) stop.abort();
  }, 1_000);
  try {
    const answer = await fetch("cluster/domain-events", { cache: "no-store", signal: stop.signal });
    if (!answer.ok) return await problem(answer);
    begun();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    let old = true;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "the node has ended the stream";
      heard = performance.now();
      told.heard();
      const blocks = (text + value).split("\n\n");
      text = blocks.pop();
      for (const lines of blocks.map((block) => block.split("\n"))) {
        const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5));
        if (data.length !== 0) {
          const { type, event } = JSON.parse(data.join("\n"));
          told.event(type, event, old);
        } else if (old && lines.some((line) => line.trim() === ": live")) {
          old = false;
          told.live();
        }
      }
    }
  } catch (error) {
    return stop.signal.aborted ? "the node is silent" : String(error.message);
  } finally {
    clearInterval(watch);
    stop.abort();
  }
}

/** Waits until somebody looks at the page. */
function seen() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((done) => document.addEventListener("visibilitychange", done, { once: true })).then(seen);
}

async function problem(answer) {
  try {
    return (await answer.json()).error;
  } catch {
    return `the node answers with status ${answer.status}`;
  }
}
