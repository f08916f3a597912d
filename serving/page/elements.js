// What every part of the page makes elements and texts with. What people and other hosts write
// reaches the page as text nodes only, never as markup.

export const $ = (id) => document.getElementById(id);
export const percent = (share) => `${Math.round(100 * share)} %`;
export const counted = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function sized(element, name, share) {
  element.style.setProperty(name, share.toFixed(4));
  return element;
}
