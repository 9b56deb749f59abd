// The camera's picture with another expression, one frame after another, as fast as the server makes them.

import { menu } from "./menu.js";
import { $, state } from "./page.js";
import { Refusal, post } from "./server.js";

const SIDE = 320; // pixels of a frame's longer side
const SLOW = 1000; // ms to the next try while nobody is seen
const RATE = 10; // frames over which the rate is a mean

/** Whether a page of this host comes from the machine that it is seen on. @param {string} host */
export function isThisMachine(host) {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Show the live camera until it is stopped. Rejects with a `Refusal` where frames would leave this machine. */
export async function showLive() {
  if (!isThisMachine(location.hostname)) {
    const remedy = "Run facerelief serve on your own machine, and open it there.";
    throw new Refusal("not_local", "The live camera works only where page and server are on one machine.", remedy);
  }
  await menu();
  const video = { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 } };
  const stream = await navigator.mediaDevices.getUserMedia({ video });
  const stopped = new AbortController();
  const dialog = $("live");
  $("live-stop").onclick = () => dialog.close();
  dialog.addEventListener("close", () => stopped.abort(), { once: true });
  for (const track of stream.getTracks()) track.addEventListener("ended", () => dialog.close(), { once: true });
  makeChoices();
  dialog.showModal();
  try {
    await run(stream, stopped.signal);
  } catch (problem) {
    if (problem.name !== "AbortError") throw problem;
  } finally {
    for (const track of stream.getTracks()) track.stop();
    dialog.close();
    $("live-canvas").getContext("2d").clearRect(0, 0, $("live-canvas").width, $("live-canvas").height);
    $("live-rate").textContent = $("live-said").textContent = "";
  }
}

function makeChoices() {
  const { methods, default_method: method } = state.menu;
  const { presets, methods: controlled } = state.controls;
  const expressions = methods.find(({ name }) => name === method).expressions;
  const more = controlled.includes(method) ? presets.map(({ name }) => name) : [];
  const chosen = $("live-to").value || "happiness";
  const options = [...expressions, ...more].map((name) => new Option(name.replaceAll("-", " "), name, false, name === chosen));
  $("live-to").replaceChildren(...options);
}

async function run(stream, signal) {
  const video = document.createElement("video");
  Object.assign(video, { srcObject: stream, muted: true, playsInline: true });
  await video.play();
  let times = [];
  while (!signal.aborted) {
    if (document.hidden) {
      await seen(signal);
      continue;
    }
    const found = await frame(video, signal);
    $("live-said").textContent = found ? "" : "No face in sight.";
    times = found ? [...times, performance.now()].slice(-RATE) : [];
    drawRate(times);
    if (!found) await pause(SLOW, signal);
  }
}

// Whether a face was found in the frame; if not, it is shown as it is.
async function frame(video, signal) {
  const scale = SIDE / Math.max(video.videoWidth, video.videoHeight);
  const [width, height] = [video.videoWidth, video.videoHeight].map((side) => Math.round(side * scale));
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").drawImage(video, 0, 0, width, height);
  const photo = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
  try {
    const fields = { photo, to: $("live-to").value, format: "jpeg", quality: 90, provenance: false };
    const answer = await post("v1/edit", fields, signal);
    draw(await createImageBitmap(await answer.blob()));
    return true;
  } catch (problem) {
    if (problem.code !== "no_face") throw problem;
    draw(canvas);
    return false;
  }
}

function draw(picture) {
  const canvas = $("live-canvas");
  const { width, height } = picture;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.getContext("2d").drawImage(picture, 0, 0);
}

function drawRate(times) {
  const rate = times.length > 1 ? (1000 * (times.length - 1)) / (times.at(-1) - times[0]) : 0;
  $("live-rate").textContent = rate ? `· ${rate.toFixed(1)} pictures a second` : "";
}

const pause = (ms, signal) => waiting(signal, (done) => setTimeout(done, ms));
const seen = (signal) => waiting(signal, (done) => document.addEventListener("visibilitychange", done, { once: true }));

function waiting(signal, begin) {
  return new Promise((done) => {
    signal.addEventListener("abort", done, { once: true });
    begin(done);
  });
}
