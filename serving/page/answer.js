// The answer: its numbers, its course, and the text with each sentence marked.

import { keyed } from "./ask.js";
import { $, counted, make, percent, sized } from "./elements.js";
import { SENTIMENTS, STANCES, curlLine } from "./export.js";

const TONE = { negative: "−", neutral: "", positive: "+" };

export let shown = null; // { text, answer, corrections }: what is on the screen

export function show(text, answer) {
  shown = { text, answer, corrections: new Map() };
  $("empty").hidden = true;
  $("result").hidden = false;
  $("model").textContent = answer.model;
  $("copied").textContent = "";
  $("curl").textContent = curlLine(shown, keyed());
  summarize(answer);
  mark(answer);
  $("status").textContent = `${$("about").textContent} ${STANCES.map((s) => `${answer.summary.stance[s].count} ${s}`).join(", ")}.`;
  $("glance").focus({ preventScroll: true });
  $("glance").scrollIntoView({ block: "nearest" });
}

function summarize({ sentences, summary, metadata }) {
  const unsure = sentences.filter((s) => !s.confident).length;
  const about = [metadata.title, metadata.date?.replace("T", ", "), counted(sentences.length, "sentence")].filter(Boolean).join(" · ");
  $("about").textContent = `${about}.`;
  $("numbers").replaceChildren(...STANCES.map((s) => {
    const { count, share } = summary.stance[s];
    const name = [make("i", { class: "sign" }), s, make("small", {}, `${count} of ${sentences.length}`)];
    return make("div", { class: `number ${s}` }, make("b", {}, percent(share)), ...name);
  }));
  $("bar").replaceChildren(...STANCES.filter((s) => summary.stance[s].count).map((s) =>
    sized(make("i", { class: s }), "--share", summary.stance[s].share)));
  $("bar").setAttribute("aria-label", STANCES.map((s) => `${s} ${percent(summary.stance[s].share)}`).join(", "));
  const tones = SENTIMENTS.map((s) => `${summary.sentiment[s].count} ${s}`).join(", ");
  const doubt = unsure ? `Not confident: ${unsure}; read those before you quote them.` : "All labels are confident.";
  $("tone").textContent = `Sentiment: ${tones}. ${doubt}`;
  $("course").hidden = sentences.length < 2;
  draw(sentences);
}

function draw(sentences) {
  const node = (tag, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const width = 10 * sentences.length;
  const bars = sentences.map(({ stance, stance_scores }, index) => {
    const height = stance === "neutral" ? 3 : 46 * stance_scores[stance];
    const y = { firm: 49 - height, conciliatory: 51, neutral: 48.5 }[stance];
    const title = node("title", {}, `${index + 1}: ${stance}, ${percent(stance_scores[stance])}`);
    return node("rect", { class: stance, x: 10 * index + 1.5, y, width: 7, height, "data-index": index }, title);
  });
  $("chart").setAttribute("viewBox", `0 0 ${width} 100`);
  $("chart").style.setProperty("--bars", sentences.length);
  const stances = sentences.slice(0, 100).map((s) => s.stance).join(", ");
  $("chart").setAttribute("aria-label", `Stances in order: ${stances}${sentences.length > 100 ? ", and so on" : ""}`);
  $("chart").replaceChildren(node("line", { x1: 0, x2: width, y1: 50, y2: 50 }), ...bars);
}

function mark({ sentences }) {
  const characters = [...shown.text]; // offsets count characters, strings count halves of some
  const parts = [];
  let end = 0;
  sentences.forEach((sentence, index) => {
    const between = characters.slice(end, sentence.start).join("");
    parts.push(unread(index ? between : between.trimStart()));
    const element = make("span", { role: "button", "aria-expanded": "false", tabindex: index ? -1 : 0, "data-index": index });
    parts.push(label(element, index));
    end = sentence.end;
  });
  $("article").replaceChildren(...parts, unread(characters.slice(end).join("").trimEnd()));
}

// What stands between sentences: space, or a header, a number, a byline, which are not labelled.
function unread(text) {
  return text.trim() ? make("span", { class: "soft" }, text) : text;
}

export function label(element, index) {
  const sentence = shown.answer.sentences[index];
  const corrected = shown.corrections.get(index);
  const { stance, sentiment } = { ...sentence, ...corrected };
  const score = sentence.stance_scores[sentence.stance];
  const doubt = sentence.confident ? "" : "?";
  const sign = corrected ? ` ✓ corrected ${TONE[sentiment]}` : `${Math.round(100 * score)}${doubt} ${TONE[sentiment]}`;
  const spoken = corrected ? `corrected: ${stance}, ${sentiment}` : `${stance} ${percent(score)}, ${sentiment}${doubt && ", not confident"}`;
  element.className = `sentence ${stance}`;
  sized(element, "--score", corrected ? 1 : score);
  const tag = make("span", { class: `tag ${stance}`, "aria-hidden": "true" }, make("i", { class: "sign" }), sign.trimEnd());
  element.replaceChildren(sentence.text, tag, make("span", { class: "unseen" }, ` (${spoken})`));
  return element;
}
