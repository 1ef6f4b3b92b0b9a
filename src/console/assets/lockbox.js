// What a page does better with a script: a countdown that counts, the reader's own time zone, and one
// submission a click. Without it everything still works.
(() => {
  "use strict";
  const words = document.documentElement.lang;
  const skew = Date.parse(document.body.dataset.now) - Date.now();

  // The server writes times in the zone this cookie names, from the next page on.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes("lockbox-zone=" + encodeURIComponent(zone))) {
    document.cookie = "lockbox-zone=" + encodeURIComponent(zone) + "; Path=/; Max-Age=31536000; SameSite=Lax; Secure";
    const written = new Intl.DateTimeFormat(words, { dateStyle: "long", timeStyle: "short", timeZone: zone });
    const abbreviated = new Intl.DateTimeFormat(words, { timeZone: zone, timeZoneName: "short" });
    for (const time of document.querySelectorAll("time")) {
      const at = new Date(time.dateTime);
      const name = abbreviated.formatToParts(at).find((part) => part.type === "timeZoneName");
      time.textContent = written.format(at) + (name ? " (" + name.value + ")" : "");
    }
  }

  // Units as the browser knows them in the page's language.
  const unit = (count, name) => new Intl.NumberFormat(words, { style: "unit", unit: name, unitDisplay: "long" }).format(count);
  const said = (seconds) => {
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
    if (hours > 0) return minutes > 0 ? unit(hours, "hour") + " " + unit(minutes, "minute") : unit(hours, "hour");
    return minutes > 0 ? unit(minutes, "minute") : unit(Math.floor(seconds), "second");
  };
  const countdowns = [...document.querySelectorAll("[data-until]")].map((element) => {
    const text = element.textContent;
    const digit = text.search(/\d/);
    const rest = text.slice(digit).replace(/^[\d\s\p{L}]*?(?=$|[^\d\s\p{L}])/u, "");
    return { element, until: Date.parse(element.dataset.until), before: digit < 0 ? "" : text.slice(0, digit), rest };
  });
  const tick = () => {
    for (const { element, until, before } of countdowns) {
      const seconds = Math.max(0, (until - Date.now() - skew) / 1000);
      element.textContent = before + said(seconds);
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
