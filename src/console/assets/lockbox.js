// What a page does better with a script: a countdown that counts, the reader's own time zone, and one
// submission a click. Without it everything still works.
(() => {
  "use strict";

  // The server writes all times, in the zone this cookie names, from the next page on.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  if (/^[\w+\/-]{1,64}$/.test(zone) && !document.cookie.split("; ").includes("lockbox-zone=" + zone)) {
    document.cookie = "lockbox-zone=" + zone + "; Path=/; Max-Age=31536000; SameSite=Lax; Secure";
  }

  // A duration in its two largest units, rounded down, as the server writes it in the page's language.
  const words = document.documentElement.lang;
  const skew = Date.parse(document.body.dataset.now) - Date.now();
  const unit = (count, name) =>
    new Intl.NumberFormat(words, { style: "unit", unit: name, unitDisplay: "long", useGrouping: false }).format(count);
  const said = (seconds) => {
    if (seconds < 60) return unit(seconds, "second");
    const parts = [[Math.floor(seconds / 86400), "day"], [Math.floor((seconds % 86400) / 3600), "hour"], [Math.floor((seconds % 3600) / 60), "minute"]];
    return parts.filter(([count]) => count > 0).slice(0, 2).map(([count, name]) => unit(count, name)).join(" ");
  };
  const countdowns = [...document.querySelectorAll("[data-until]")];
  const tick = () => {
    for (const element of countdowns) {
      const seconds = Math.floor((Date.parse(element.dataset.until) - Date.now() - skew) / 1000);
      const text = seconds < 0 ? element.dataset.over : element.dataset.left.replace("{}", said(seconds));
      if (element.textContent !== text) element.textContent = text;
      element.classList.toggle("soon", seconds < 3600);
    }
  };
  if (countdowns.length > 0) {
    tick();
    setInterval(tick, 1000);
  }

  // A second click sends nothing; coming back by the back button makes the form usable again.
  for (const form of document.querySelectorAll("form[method=post]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "yes";
    });
  }
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
})();
