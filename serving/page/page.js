import { SENTIMENTS, STANCES, asCsv, asJson, curlLine } from "./export.js";

// What people and other hosts write reaches the page as text nodes only, never as markup.

const TONE = { negative: "−", neutral: "", positive: "+" };
const CUT = " The sentence is long: the model read only its beginning.";
const CONFIDENT = "Both labels reach the score from which on they were right nine times in ten.";
const DOUBTFUL = "Not confident: a label stays below the score from which on it was right nine times in ten.";
const EXAMPLE = `The strait has been ours for four centuries, and no tribunal will be asked to confirm it. The ministry called the landing of surveyors a violation that will not go unanswered.

Even so, the two governments agreed on Friday to reopen the hotline between their coast guards. “We are ready to discuss joint fishing grounds without conditions,” the envoy said, and thanked her hosts for their patience.

The talks resume in March.`;

const KEY = "claimstance-key"; // its name in this tab's storage

const $ = (id) => document.getElementById(id);
const percent = (share) => `${Math.round(100 * share)} %`;
const counted = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

let limits = null; // of this installation, once it has told them
let shown = null; // { text, answer, corrections }: what is on the screen
let key = null; // the API key, where the service asks for one
let unlocking = null; // while a key is asked for
let opened = null; // { mark, panel }: the sentence whose scores are open

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function sized(element, name, share) {
  element.style.setProperty(name, share.toFixed(4));
  return element;
}

// ---- asking the service

async function ask(path, body) {
  let response, answer;
  const sent = key;
  try {
    response = await fetch(path, {
      method: body ? "POST" : "GET",
      headers: {
        Accept: "application/json",
        ...(body && { "Content-Type": "application/json" }),
        ...(sent && { Authorization: `Bearer ${sent}` }),
      },
      body: body && JSON.stringify(body),
    });
    answer = await response.json();
  } catch {
    const reason = response ? "answered with something that is not JSON" : "cannot be reached";
    throw new Error(`The service ${reason}.`);
  }
  if (response.ok) return answer;
  if (response.status === 401) {
    if (key === sent) await unlock();
    return ask(path, body);
  }
  const { message = `the service answered with status ${response.status}`, where } = answer?.error ?? {};
  const said = ["text", "sentence"].includes(where) ? `the ${where} ${message}` : message;
  throw new Error(`${said[0].toUpperCase()}${said.slice(1)}.`);
}

// Resolves once another key has been entered; whoever asks meanwhile waits for the same one.
function unlock() {
  unlocking ??= new Promise((resolve) => {
    $("unlock").hidden = false;
    $("locked").textContent = key ? "That key is not known here, or has been revoked." : "It is forgotten when this tab is closed.";
    $("token").focus();
    $("unlock").onsubmit = (event) => {
      event.preventDefault();
      const given = $("token").value.trim();
      if (!/^[!-~]+$/.test(given)) { // nothing else can be sent, or is a key
        $("locked").textContent = "That is no key: it has letters, digits, - and _ only.";
        return;
      }
      store(given);
      $("token").value = "";
      $("unlock").hidden = true;
      unlocking = null;
      $("text").focus();
      resolve();
    };
  });
  return unlocking;
}

function store(given) {
  key = given;
  try { sessionStorage.setItem(KEY, key); } catch { /* storage is switched off: it lasts as long as this page */ }
}

function trouble(message) {
  $("trouble").textContent = message;
  $("trouble").hidden = !message;
}

function measure() {
  const count = [...$("text").value].length;
  const most = limits?.max_document_characters ?? Infinity;
  $("size").textContent = count ? counted(count, "character") : "";
  $("go").disabled = count > most;
  const excess = `The text has ${counted(count, "character")}; at most ${most.toLocaleString("en")} are taken.`;
  trouble(count > most ? `${excess} Send it in parts.` : "");
}

async function read() {
  const form = $("ask"), text = $("text").value;
  if (form.classList.contains("busy") || $("go").disabled) return;
  if (!text.trim()) {
    trouble("There is nothing to read yet: paste a text, or open a file.");
    $("text").focus();
    return;
  }
  trouble("");
  form.classList.add("busy");
  form.setAttribute("aria-busy", "true");
  $("go").textContent = $("status").textContent = "Reading…";
  try {
    shown = { text, answer: await ask("analyze", { text }), corrections: new Map() };
    show();
  } catch (error) {
    $("status").textContent = "";
    trouble(error.message);
  }
  form.classList.remove("busy");
  form.removeAttribute("aria-busy");
  $("go").textContent = "Read it";
}

async function take(file) {
  const most = limits?.max_body_bytes ?? Infinity;
  try {
    const excess = `has ${counted(file.size, "byte")}; at most ${most.toLocaleString("en")} are taken`;
    if (file.size > most) throw new Error(excess);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    if (text.includes("\0")) throw new Error("is not a text file");
    $("text").value = text;
  } catch (error) {
    trouble(`${file.name} ${error instanceof TypeError ? "is not UTF-8 text; convert it first" : error.message}.`);
    return;
  }
  measure();
  await read();
}

// ---- the answer

function show() {
  const { answer } = shown;
  opened = null;
  $("empty").hidden = true;
  $("result").hidden = false;
  $("model").textContent = answer.model;
  $("copied").textContent = "";
  $("curl").textContent = curlLine(shown, key !== null);
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

function label(element, index) {
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

// ---- one sentence

function close() {
  if (!opened) return;
  opened.mark.setAttribute("aria-expanded", "false");
  opened.panel.remove();
  opened = null;
}

function toggle(element) {
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

// ---- taking it along

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // pages that did not come over HTTPS or from this machine have no clipboard
    const area = make("textarea", { class: "unseen", readonly: "" });
    const before = document.activeElement;
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    before.focus();
    if (!done) what = "";
  }
  $("copied").textContent = what ? `${what} copied.` : "Your browser does not let this page copy.";
}

// ---- hands

$("ask").addEventListener("submit", (event) => { event.preventDefault(); read(); });
$("text").addEventListener("input", measure);
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); read(); }
});
$("open").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  if (file) await take(file);
  target.value = "";
});
$("example").addEventListener("click", () => { $("text").value = EXAMPLE; measure(); read(); });
$("csv").addEventListener("click", () => copy(asCsv(shown), "CSV"));
$("json").addEventListener("click", () => copy(asJson(shown), "JSON"));
$("line").addEventListener("click", () => copy(curlLine(shown, key !== null), "curl line"));

const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("dragging");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dragging");
});
addEventListener("drop", (event) => {
  document.body.classList.remove("dragging");
  if (!hasFiles(event)) return;
  event.preventDefault();
  if (event.dataTransfer.files.length > 1) trouble("One file at a time, please.");
  else take(event.dataTransfer.files[0]);
});

function go(element) {
  $("article").querySelector('.sentence[tabindex="0"]')?.setAttribute("tabindex", "-1");
  element.setAttribute("tabindex", "0");
  element.focus();
}

$("article").addEventListener("click", (event) => {
  const element = event.target.closest(".sentence");
  if (element && getSelection().isCollapsed) { go(element); toggle(element); }
});
$("article").addEventListener("keydown", (event) => {
  if (event.key === "Escape" && opened) { const { mark: element } = opened; close(); go(element); return; }
  const element = event.target.closest(".sentence");
  if (!element || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = [...$("article").querySelectorAll(".sentence")];
  const index = Number(element.dataset.index);
  const next = { ArrowRight: index + 1, ArrowDown: index + 1, ArrowLeft: index - 1, ArrowUp: index - 1, Home: 0, End: all.length - 1 }[event.key];
  if (next !== undefined) { event.preventDefault(); if (all[next]) go(all[next]); }
  if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(element); }
});
$("chart").addEventListener("click", ({ target }) => {
  const element = $("article").querySelector(`.sentence[data-index="${target.dataset.index}"]`);
  if (element) go(element);
});

try { key = sessionStorage.getItem(KEY); } catch { /* storage is switched off */ }
ask("model").then(
  (model) => { limits = model.limits; $("model").textContent = model.refused ? `${model.model}, for ${model.refused} cannot be loaded` : model.model; measure(); },
  (error) => { $("model").textContent = error.message; },
);
