// Asking the service, and for the API key where it needs one.

import { $ } from "./elements.js";

const KEY = "claimstance-key"; // its name in this tab's storage

let key = null;
let unlocking = null; // while a key is asked for
try { key = sessionStorage.getItem(KEY); } catch { /* storage is switched off */ }

export const keyed = () => key !== null;

export async function ask(path, body) {
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
