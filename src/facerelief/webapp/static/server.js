// Requests to the server, and its errors in plain words.

import { authorization, newToken } from "./token.js";

/** What the server, or this page, refuses: what and why, and the remedy. */
export class Refusal extends Error {
  /** @param {string} code @param {string} message @param {string} [remedy] */
  constructor(code, message, remedy) {
    super(message);
    this.code = code;
    this.remedy = remedy;
  }
}

const PATIENCE = 3; // times that a busy server is asked again
const LATER = ["busy", "rate_limited"];

/**
 * @param {string} path
 * @param {Record<string, any>} fields blobs are sent as the photo, what is no text as JSON, undefined not at all
 * @param {AbortSignal} [signal]
 * @returns {Promise<Response>} Rejects with a `Refusal`.
 */
export function post(path, fields, signal) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Blob) form.append(name, value, "photo");
    else if (value !== undefined) form.append(name, typeof value === "string" ? value : JSON.stringify(value));
  }
  return patiently(path, { method: "POST", body: form, signal });
}

/** @param {string} path @returns {Promise<Response>} Rejects with a `Refusal`. */
export function get(path) {
  return patiently(path, {});
}

// A server that is busy is asked again, when it says so.
async function patiently(path, options) {
  for (let attempt = 0; ; attempt++) {
    const answer = await ask(path, options);
    if (answer.ok) return answer;
    const refusal = await refusalOf(answer);
    if (!LATER.includes(refusal.code) || attempt === PATIENCE) throw refusal;
    await pause(1000 * (Number(answer.headers.get("Retry-After")) || 1), options.signal);
  }
}

// Rejects at once where what was waited for is not wanted any more.
function pause(ms, signal) {
  signal?.throwIfAborted();
  return new Promise((done, fail) => {
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
    function end() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      if (signal?.aborted) fail(signal.reason);
      else done();
    }
  });
}

/** What the server says of an edit that it did. @param {Response} answer @returns {string} "" for nothing */
export function notesOf(answer) {
  const notes = answer.headers.get("X-Notes");
  if (!notes) return "";
  try {
    return sentence(decodeURIComponent(notes));
  } catch {
    return sentence(notes);
  }
}

// Where the server asks for a token, so does the page, and tries again.
async function ask(path, options) {
  for (;;) {
    const headers = authorization();
    const answer = await fetched(path, { ...options, headers });
    if (answer.status !== 401 || !(await newToken(headers))) return answer;
  }
}

async function fetched(path, options) {
  try {
    return await fetch(path, options);
  } catch (reason) {
    if (reason.name === "AbortError") throw reason;
    throw new Refusal("silent", "The server does not answer.", "See whether it still runs, then try again.");
  }
}

async function refusalOf(answer) {
  try {
    const { code, message, remedy } = (await answer.json()).error;
    return new Refusal(code, sentence(message), sentence(remedy));
  } catch {
    return new Refusal("odd", `The server answers ${answer.status}.`, "Try again.");
  }
}

function sentence(words) {
  const text = words.replace(/^photo\b/, "the photo").trim();
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
