// What htmx doesn't do for a page: times that go on while nothing happens, whether the page still follows what happens, and a key for the search.
(() => {
  "use strict";
  const shown = Date.now();
  const rendered = Date.parse(document.documentElement.dataset.now);
  // By the server's clock: that of this machine may differ.
  const now = () => rendered + Date.now() - shown;

  // As the server writes them (`span` in parts.rs).
  const span = (milliseconds) => {
    const seconds = Math.max(0, Math.trunc(milliseconds / 1000));
    if (seconds < 120) return `${seconds} s`;
    if (seconds < 7200) return `${Math.trunc(seconds / 60)} min`;
    if (seconds < 172800) return `${Math.trunc(seconds / 3600)} h`;
    return `${Math.trunc(seconds / 86400)} days`;
  };
  const words = (time, form) => {
    if (form === "ago") return span(now() - time);
    return time > now() ? `in ${span(time - now())}` : `${span(now() - time)} ago`;
  };
  setInterval(() => {
    for (const element of document.querySelectorAll("time[data-form]")) {
      const text = words(Date.parse(element.dateTime), element.dataset.form);
      if (element.textContent !== text) element.textContent = text;
    }
  }, 1000);

  const state = document.getElementById("follows");
  const say = (follows) => {
    if (!state) return;
    state.hidden = false;
    state.classList.toggle("away", !follows);
    state.lastChild.textContent = follows ? "Live" : "Not live";
    state.title = follows ? "Changes appear by themselves" : "The server doesn't answer; what is shown may be old";
  };
  document.addEventListener("htmx:sse:after:connection", () => say(true));
  // A stream that ends is begun again; until then the page doesn't know.
  document.addEventListener("htmx:sse:before:connection", (event) => event.detail.connection.attempt > 0 && say(document.hidden));
  for (const name of ["htmx:sse:error", "htmx:sse:close", "htmx:error", "htmx:response:error"]) {
    document.addEventListener(name, (event) => event.target.id === "live" && say(false));
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    document.querySelector(".find input")?.focus();
  });
})();
