// Elements of the page. Data from nodes becomes text only, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; a string becomes text. */
export function el(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same in a picture. */
export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Shows what cannot be seen, or would turn the text around it, by its number. */
export function plain(text) {
  return String(text).replace(/[\p{C}\u2028\u2029]/gu, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

/** The beginning of a text that may be long. */
export function short(text, most) {
  const letters = [...plain(text)];
  return letters.length <= most ? letters.join("") : `${letters.slice(0, most - 1).join("")}…`;
}

/** Changes a text only where it differs, so that a selection and a screen reader are left alone. */
export function say(element, text) {
  const next = plain(text);
  if (element.textContent !== next) element.textContent = next;
}

/** Makes the children of a list those of `items`, and keeps those that are there, by their keys. */
export function list(parent, items, key, make, change = () => {}) {
  const there = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let before = null;
  for (const item of items) {
    const name = String(key(item));
    let child = there.get(name);
    there.delete(name);
    if (!child) {
      child = make(item);
      child.dataset.key = name;
    }
    change(child, item);
    const place = before ? before.nextSibling : parent.firstChild;
    if (place !== child) parent.insertBefore(child, place);
    before = child;
  }
  for (const gone of there.values()) gone.remove();
}

/** A link to another node's page; only what is an address with a port becomes one. */
export function toNode(address, text = address) {
  const name = el("span", { class: "address" }, plain(text));
  if (!/^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\]):\d{1,5}$/i.test(address)) return name;
  return el("a", { class: "address", href: `http://${address}/`, rel: "noreferrer" }, plain(text));
}
