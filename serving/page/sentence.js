// One sentence: the panel beneath it, with its scores, a correction and the words that weighed.

import { label, shown } from "./answer.js";
import { ask } from "./ask.js";
import { make, percent, sized } from "./elements.js";
import { SENTIMENTS, STANCES } from "./export.js";

const CUT = " The sentence is long: the model read only its beginning.";
const CONFIDENT = "Both labels reach the score from which on they were right nine times in ten.";
const DOUBTFUL = "Not confident: a label stays below the score from which on it was right nine times in ten.";

export let opened = null; // { mark, panel }: the sentence whose scores are open

export function close() {
  if (!opened) return;
  opened.mark.setAttribute("aria-expanded", "false");
  opened.panel.remove();
  opened = null;
}

export function toggle(element) {
  const again = opened?.mark === element;
  close();
  if (again) return;
  const index = Number(element.dataset.index);
  const sentence = shown.answer.sentences[index];
  const panel = make("div", { class: "panel", role: "group", tabindex: "-1", "aria-label": `Sentence ${index + 1}: scores and correction` });
  const save = make("button", { type: "button", class: "main", disabled: "" }, "Keep correction");
  const outcome = make("p", { class: "outcome", role: "status" });
  const shut = make("button", { type: "button" }, "Close");
  const words = make("div", { class: "words" });
  panel.append(
    make("div", { class: "heads" }, head("stance", STANCES, index), head("sentiment", SENTIMENTS, index)),
    make("p", { class: "soft" }, `${sentence.confident ? CONFIDENT : DOUBTFUL} Wrong? Choose the right label.`),
    make("div", { class: "tools" }, save, shut), outcome, words,
  );
  panel.addEventListener("change", () => { save.disabled = !Object.keys(changed(panel, index)).length; });
  save.addEventListener("click", () => correct(index, element, panel, save, outcome));
  shut.addEventListener("click", () => { close(); element.focus(); });
  panel.classList.toggle("closing", /^[^\S\n]*\n/.test(element.nextSibling.textContent));
  element.after(panel);
  element.setAttribute("aria-expanded", "true");
  opened = { mark: element, panel };
  panel.focus({ preventScroll: true });
  panel.scrollIntoView({ block: "nearest" });
  weigh(sentence, words);
}

function head(name, labels, index) {
  const sentence = shown.answer.sentences[index];
  const current = { ...sentence, ...shown.corrections.get(index) }[name];
  const legend = make("legend", {}, name === "stance" ? "Stance" : "Sentiment");
  return make("fieldset", {}, legend, ...labels.map((value) => {
    const input = make("input", { type: "radio", name, value });
    input.checked = value === current;
    const score = sentence[`${name}_scores`][value];
    const bar = sized(make("i", { class: name === "stance" ? value : "" }), "--share", score);
    const track = make("span", { class: "track" }, bar);
    return make("label", { class: "choice" }, input, make("span", {}, value), track, make("span", {}, percent(score)));
  }));
}

function changed(panel, index) {
  const current = { ...shown.answer.sentences[index], ...shown.corrections.get(index) };
  const chosen = [...panel.querySelectorAll("input:checked")].map(({ name, value }) => [name, value]);
  return Object.fromEntries(chosen.filter(([name, value]) => value !== current[name]));
}

async function correct(index, element, panel, save, outcome) {
  const { answer, corrections } = shown;
  const { start, end, text, ...prediction } = answer.sentences[index];
  const labels = changed(panel, index);
  save.disabled = true;
  outcome.className = "outcome";
  outcome.textContent = "Keeping…";
  try {
    const { id } = await ask("feedback", { text, ...labels, prediction, model: answer.model });
    corrections.set(index, { ...corrections.get(index), ...labels });
    label(element, index);
    outcome.textContent = `Kept as number ${id}. Thank you.`;
    panel.focus({ preventScroll: true });
  } catch (error) {
    outcome.classList.add("failed");
    outcome.textContent = `Not kept. ${error.message}`;
    save.disabled = false;
  }
}

async function weigh(sentence, words) {
  words.append(make("h3", {}, "The words that weighed most"), make("p", { class: "soft" }, "Weighing…"));
  try {
    const found = await ask("explain", { sentence: sentence.text });
    const most = Math.max(...found.words.map(({ change }) => Math.abs(change)), 0.02);
    const kind = ({ change }) => (change < 0 ? found.stance : "against");
    const points = (change) => `${change < 0 ? "−" : "+"}${Math.abs(100 * change).toFixed(1)}`;
    const characters = [...sentence.text];
    const running = make("p", { class: "weighed" });
    let end = 0;
    for (const word of found.words) {
      const title = `${points(word.change)} points without it`;
      const marked = make("b", { class: kind(word), title }, word.text);
      sized(marked, "--share", Math.abs(word.change) / most);
      running.append(characters.slice(end, word.start).join(""), marked);
      end = word.end;
    }
    running.append(characters.slice(end).join(""));
    const ranked = [...found.words].sort((a, b) => Math.abs(b.change) - Math.abs(a.change)).slice(0, 5);
    const list = make("ol", { class: "most" }, ...ranked.map((word) => make("li", {},
      make("span", {}, word.text),
      make("span", { class: "track" }, sized(make("i", { class: word.change < 0 ? found.stance : "neutral" }), "--share", Math.abs(word.change) / most)),
      make("span", {}, points(word.change)))));
    words.lastChild.textContent = `By occlusion: how many points the score of “${found.stance}” (${percent(found.score)}) changes when `
      + `one word is left out. Filled words speak for it, framed ones against.${found.truncated ? CUT : ""}`;
    words.append(running, list);
  } catch (error) {
    words.lastChild.textContent = error.message;
  }
}
