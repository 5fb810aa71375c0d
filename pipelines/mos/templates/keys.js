"use strict";
// Comfort only: without it, the form works by mouse, touch and the browser's own keys.
(() => {
  const form = document.querySelector("form[data-keys]");
  const video = document.querySelector("video");
  const note = document.querySelector("#note");
  const button = form.querySelector("button");
  const scales = [...form.querySelectorAll("fieldset")];
  const draft = "draft:" + video.getAttribute("src");
  let watched = false, warned = false;

  const say = text => { note.textContent = text; note.hidden = false; };
  const given = () => scales.map(scale => scale.querySelector(":checked")?.value);
  const keep = () => { try { sessionStorage.setItem(draft, JSON.stringify(given())); } catch { /* not allowed here */ } };
  const play = () => { video.currentTime = 0; video.play().catch(() => {}); };
  const choose = (scale, value) => { scale.querySelector(`input[value="${value}"]`).checked = true; };

  document.documentElement.classList.add("script");
  try {
    const kept = JSON.parse(sessionStorage.getItem(draft)) ?? [];
    kept.forEach((value, i) => { if (/^[1-5]$/.test(value)) choose(scales[i], value); });
  } catch { /* nothing kept */ }
  form.addEventListener("change", keep);
  video.addEventListener("ended", () => { watched = true; if (warned) note.hidden = true; });
  video.addEventListener("error", () => {
    watched = true;
    say("This video does not play here. Please reload the page, or go on in another browser.");
  });
  video.play().catch(() => {}); // browsers may want a touch first; the controls are there

  const next = scale => {
    const following = scales[scales.indexOf(scale) + 1];
    (following ? following.querySelector(":checked") ?? following.querySelector("input") : button).focus();
  };
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const at = document.activeElement;
    if (/^[1-5]$/.test(event.key)) {
      const scale = scales.find(one => one.contains(at)) ?? scales.find(one => !one.querySelector(":checked")) ?? scales.at(-1);
      choose(scale, event.key);
      keep();
      next(scale);
    } else if (event.key === "p" || event.key === "P") play();
    else if (event.key === "Enter" && (at === document.body || at === video)) form.requestSubmit(button);
    else return;
    event.preventDefault();
  });
  form.addEventListener("submit", event => {
    if (!watched && !warned) {
      event.preventDefault();
      warned = true;
      say("Please watch the video to its end first. To save all the same, press the button again.");
      return;
    }
    try { sessionStorage.removeItem(draft); } catch { /* nothing kept */ }
    button.disabled = true; // one click, one answer
  });
  addEventListener("pageshow", () => { button.disabled = false; });
})();
