// A photo from the camera.

/** @param {HTMLDialogElement} dialog @returns {Promise<File | null>} null where none is taken */
export async function takePhoto(dialog) {
  const video = dialog.querySelector("video");
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: "user", width: { ideal: 1920 }, height: { ideal: 1080 } },
  });
  video.srcObject = stream;
  dialog.showModal();
  try {
    return await new Promise((done) => {
      dialog.querySelector("#camera-take").onclick = () => done(still(video));
      dialog.querySelector("#camera-close").onclick = () => done(null);
      dialog.oncancel = () => done(null);
    });
  } finally {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
    dialog.close();
  }
}

async function still(video) {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
  return new File([blob], "camera.jpg", { type: "image/jpeg" });
}
