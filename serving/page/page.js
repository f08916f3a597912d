// What a reader does: gives a text, moves among its sentences, takes the answer along.

import { show, shown } from "./answer.js";
import { ask, keyed } from "./ask.js";
import { $, counted, make } from "./elements.js";
import { asCsv, asJson, curlLine } from "./export.js";
import { close, opened, toggle } from "./sentence.js";

const EXAMPLE = `The strait has been ours for four centuries, and no tribunal will be asked to confirm it. The ministry called the landing of surveyors a violation that will not go unanswered.

Even so, the two governments agreed on Friday to reopen the hotline between their coast guards. “We are ready to discuss joint fishing grounds without conditions,” the envoy said, and thanked her hosts for their patience.

The talks resume in March.`;

let limits = null; // of this installation, once it has told them
let again = false; // whether a text was given while another was read

// ---- a text

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
  if (form.classList.contains("busy")) { again = true; return; }
  if ($("go").disabled) return;
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
    const answer = await ask("analyze", { text });
    close();
    show(text, answer);
  } catch (error) {
    $("status").textContent = "";
    trouble(error.message);
  }
  form.classList.remove("busy");
  form.removeAttribute("aria-busy");
  $("go").textContent = "Read it";
  const changed = again && $("text").value !== text;
  again = false;
  if (changed) await read();
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
$("line").addEventListener("click", () => copy(curlLine(shown, keyed()), "curl line"));

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

ask("model").then(
  (model) => { limits = model.limits; $("model").textContent = model.refused ? `${model.model}, for ${model.refused} cannot be loaded` : model.model; measure(); },
  (error) => { $("model").textContent = error.message; },
);
