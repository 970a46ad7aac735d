// Everything works without a script. With this one htmx fetches what a link or a form asks for and puts the same
// page's main part in place, so that neither the rail nor the scroll flickers; here stands what is ours of that.

const find = (selector) => document.querySelector(selector);

// say tells screen readers what happened, politely.
const say = (text) => {
  const region = find("#say");
  if (region) region.textContent = text.trim();
};

// What is no page is left to the browser: a download, or another site.
document.addEventListener("htmx:before:response", (event) => {
  const { response } = event.detail.ctx;
  if (response.headers.has("HX-Redirect")) return;
  if (!(response.headers.get("Content-Type") ?? "").startsWith("text/html")) {
    event.preventDefault();
    location.assign(response.raw.url);
  }
});

// A refused form stays at the address of the page it stood on: its own answers to nothing but POST.
document.addEventListener("htmx:before:history:update", (event) => {
  if (event.detail.response?.status >= 400) event.preventDefault();
});

// A button that answers with a download sends its form the browser's way; its name and value go along.
document.addEventListener("htmx:config:request", (event) => {
  const { form, submitter } = event.detail.ctx.request;
  if (!submitter?.hasAttribute("data-stays")) return;
  event.preventDefault();
  const sent = Object.assign(document.createElement("input"), { type: "hidden", name: submitter.name, value: submitter.value });
  form.append(sent);
  form.submit();
  sent.remove();
});

// The page is busy while something is fetched; a bar shows it where that takes long.
const busy = new Set();
document.addEventListener("htmx:before:request", (event) => {
  busy.add(event.detail.ctx);
  document.documentElement.toggleAttribute("data-busy", true);
});
document.addEventListener("htmx:finally:request", (event) => {
  busy.delete(event.detail.ctx);
  document.documentElement.toggleAttribute("data-busy", busy.size > 0);
  for (const form of document.forms) delete form.dataset.sent;
});

// A new page begins at its heading, unless the focus stayed or the page asks for it elsewhere.
document.addEventListener("htmx:after:swap", (event) => {
  const main = find("#main");
  if (!main || event.detail.ctx.target?.id !== "main" && event.detail.ctx.target !== document.body) return;
  find(".toast-offline")?.remove();
  const heading = main.querySelector("h1");
  if (heading && (document.activeElement === document.body || !document.activeElement)) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
  say(find(".toast p")?.textContent ?? main.querySelector(".count")?.textContent ?? heading?.textContent ?? "");
});

// A fact that was edited where it stands, or left alone after all, has the focus again.
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => { ctx.fact = ctx.sourceElement.closest?.(".fact")?.id; });
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const fact = ctx.fact && document.getElementById(ctx.fact);
  if (!fact) return;
  const field = fact.querySelector("[autofocus]");
  (field ?? fact.querySelector("[data-edit]"))?.focus();
  field?.select?.();
  say(find(".toast p")?.textContent ?? fact.querySelector(".error")?.textContent ?? "");
});

// What was done about one of several things to do leads on to the next of them.
const things = () => [...document.querySelectorAll(":is(.tasks, .todo) > li")];
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  ctx.thing = ctx.sourceElement.matches?.("form") ? things().findIndex((row) => row.contains(ctx.sourceElement)) : -1;
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.thing >= 0) (things()[ctx.thing] ?? things().at(-1))?.querySelector("a").focus();
});

// A part of a timeline says what it is. The chip that was followed has the focus still; further back one begins at the top.
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const timeline = ctx.target?.id === "timeline" && find("#timeline");
  if (!timeline) return;
  say(timeline.dataset.says);
  if (document.activeElement !== document.body) return;
  const heading = timeline.querySelector("h2");
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  timeline.scrollIntoView({ block: "start" });
});

// A list that follows what is typed keeps its rows in place: what was picked among others is picked no more.
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (!ctx.sourceElement.matches?.('form[role="search"]')) return;
  for (const box of document.querySelectorAll('main tbody [name="id"]')) box.checked = box.defaultChecked;
});

// A lost connection says so, and asks again at a click: what was typed stands where it was.
document.addEventListener("htmx:error", (event) => {
  const ctx = event.detail.ctx;
  const template = find("#offline");
  if (!ctx || !template || find(".toast-offline")) return;
  const toast = template.content.firstElementChild.cloneNode(true);
  toast.querySelector("[data-again]").addEventListener("click", (event) => {
    event.preventDefault();
    toast.remove();
    const { sourceElement, request } = ctx;
    if (sourceElement.matches("form")) sourceElement.requestSubmit(request.submitter ?? undefined);
    else sourceElement.click();
  });
  document.body.append(toast);
  say(toast.querySelector("p").textContent);
});

// A form goes out once. The server knows a second copy by its token; this only says so sooner. A download leaves its
// page where it is, to be asked for again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.submitter?.hasAttribute("data-stays")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  form.dataset.sent = "true";
}, true);
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// Ctrl/⌘+Enter sends the form one is writing in, and Enter a choice that stands alone; Escape leaves a fact as it was,
// and closes an open menu.
document.addEventListener("keydown", (event) => {
  const target = event.target;
  const leave = event.key === "Escape" && target.closest(".fact")?.querySelector("[data-leave]");
  if (event.defaultPrevented || event.isComposing) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey || target.matches(".fact select")) && target.form?.method === "post") {
    event.preventDefault();
    target.form.requestSubmit();
  } else if (leave) {
    event.preventDefault();
    leave.click();
  } else if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    }
  }
});

document.addEventListener("click", (event) => {
  // A click elsewhere closes an open menu.
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  // A password is shown and hidden again by the button below it.
  const reveal = event.target.closest("[data-reveal]");
  const copy = event.target.closest("[data-copy]");
  if (copy) navigator.clipboard.writeText(copy.dataset.copy).then(() => {
    say(copy.dataset.copied);
    copy.toggleAttribute("data-done", true);
    setTimeout(() => copy.toggleAttribute("data-done", false), 1500);
  });
  if (reveal) turn(reveal, document.getElementById(reveal.getAttribute("aria-controls")).type === "password");
});

function turn(button, shown) {
  button.dataset.hide ??= button.textContent;
  document.getElementById(button.getAttribute("aria-controls")).type = shown ? "text" : "password";
  button.textContent = shown ? button.dataset.reveal : button.dataset.hide;
  button.setAttribute("aria-pressed", String(shown));
}

// Passwords are hidden when they are sent: browsers keep what was typed into a text field.
document.addEventListener("submit", (event) => {
  for (const button of event.target.querySelectorAll("[data-reveal]")) turn(button, false);
});

// What only a script can do is shown where there is one.
const wake = () => {
  const sleepers = navigator.clipboard ? "[data-reveal], [data-copy]" : "[data-reveal]"; // over plain http nothing is copied
  for (const sleeping of document.querySelectorAll(sleepers)) sleeping.hidden = false;
  const again = find("[data-refresh]");
  if (again) setTimeout(() => again.isConnected && location.replace(again.href), 2000); // a page that waits looks again by itself
};
document.addEventListener("htmx:after:swap", wake);
wake();

// Who opens what a notice is about has read it: the mark goes before the page is asked for.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-reads]");
  if (link) fetch(link.dataset.reads, { method: "POST", body: new URLSearchParams(), keepalive: true, redirect: "manual" });
}, true);
