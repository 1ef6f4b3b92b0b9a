// What every page is held to: it asks nobody else, says no error, fits a phone, costs little, and axe-core
// finds no breach of WCAG 2.2 AA. Each check says what it found, where, in words to act on.

import axeCore from 'axe-core';

/** The most a page may cost, with its style and script and without its images, in bytes on the wire. */
export const PAGE_BYTES_MAX = 60_000;
/** The narrowest screen, in CSS pixels (WCAG 1.4.10). */
export const NARROWEST = 320;
/** A, AA, and what 2.1 and 2.2 added to them. */
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
/** How much of an element is shown. */
const SHOWN_CHARACTERS = 160;

const watches = new WeakMap();

/** What a page does from now on: its complaints, and what each document of it costs. */
export async function watch(page, allowedOrigins, bytesMax = PAGE_BYTES_MAX) {
  const seen = { bytesMax, complaints: [], requests: [], costs: [], expected: new Set() };
  watches.set(page, seen);
  const complain = (what) => seen.complaints.push(what);
  const foreign = (url) => /^(https?|wss?):$/.test(url.protocol) && !allowedOrigins.has(url.origin.replace(/^ws/, 'http'));
  // A page that asks somebody else gets no answer. To route also turns the cache off: each page is weighed whole.
  await page.route(
    () => true,
    (route) => (foreign(new URL(route.request().url())) ? route.abort() : route.fallback()),
  );
  page.on('request', (request) => {
    const top = request.isNavigationRequest() && request.frame() === page.mainFrame();
    if (top && !request.redirectedFrom()) seen.requests = [];
    seen.requests.push(request);
    if (foreign(new URL(request.url()))) complain(`asks another origin: ${request.url()}`);
  });
  page.on('response', (response) => {
    // A refusal shown as a page is a page; the browser calls it an error all the same.
    if (response.request().isNavigationRequest()) seen.expected.add(response.url());
  });
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    const ofPage = message.text().startsWith('Failed to load resource') && seen.expected.has(message.location().url);
    const ofAbort = message.text().includes('ERR_FAILED') && foreign(new URL(message.location().url || page.url(), 'http://x'));
    if (!ofPage && !ofAbort) complain(`${message.type()} in the console of ${page.url()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complain(`the script of ${page.url()} failed: ${error.message}`));
  page.on('load', () => seen.costs.push(weigh(page.url(), [...seen.requests])));
}

/** What a document has cost so far: bytes on the wire without images, requests, time to the first byte. */
async function weigh(url, requests) {
  const cost = { url, bytes: 0, images: 0, requests: requests.length, first_byte_ms: null };
  for (const request of requests) {
    const sizes = await request.sizes().catch(() => null);
    if (!sizes) continue;
    const bytes = sizes.responseBodySize + sizes.responseHeadersSize;
    cost[request.resourceType() === 'image' ? 'images' : 'bytes'] += bytes;
    if (request.isNavigationRequest() && !request.redirectedTo()) {
      const { requestStart, responseStart } = request.timing();
      cost.first_byte_ms = Math.max(0, Math.round((responseStart - requestStart) * 10) / 10);
    }
  }
  return cost;
}

/** What the document that is shown costs. */
export async function cost(page) {
  const { requests } = watches.get(page);
  return weigh(page.url(), [...requests]);
}

/** All that was complained of so far, and takes it away. */
export async function complaints(page) {
  const seen = watches.get(page);
  const costs = await Promise.all(seen.costs.splice(0));
  const heavy = costs
    .filter(({ bytes }) => bytes > seen.bytesMax)
    .map(({ url, bytes }) => `${url} costs ${bytes} bytes without images: ${seen.bytesMax} are allowed`);
  return [...seen.complaints.splice(0), ...heavy];
}

/** What sticks out to the right of the screen; what scrolls in a box of its own does not. */
export async function sticksOut(page) {
  return page.evaluate((characters) => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return [];
    const scrollsItself = (element) => {
      for (let box = element.parentElement; box && box !== document.body; box = box.parentElement) {
        if (getComputedStyle(box).overflowX !== 'visible') return true;
      }
      return false;
    };
    const out = [...document.body.querySelectorAll('*')].filter(
      (element) => element.getBoundingClientRect().right > root.clientWidth + 0.5 && !scrollsItself(element),
    );
    // The innermost are to blame; who holds them only follows.
    const inmost = out.filter((element) => !out.some((other) => other !== element && element.contains(other)));
    return [
      `is ${root.scrollWidth} px wide on a screen of ${root.clientWidth}`,
      ...inmost.slice(0, 5).map((element) => `sticks out: ${element.outerHTML.slice(0, characters)}`),
    ];
  }, SHOWN_CHARACTERS);
}

/** What axe-core finds against WCAG 2.2 A and AA: one complaint a place. */
export async function axe(page) {
  await page.evaluate(axeCore.source);
  const found = await page.evaluate(
    (options) => globalThis.axe.run(document, options),
    // The size of targets is off by default although WCAG 2.2 AA asks for it.
    { runOnly: { type: 'tag', values: AXE_TAGS }, rules: { 'target-size': { enabled: true } }, resultTypes: ['violations'] },
  );
  return found.violations.flatMap(({ id, impact, help, helpUrl, nodes }) =>
    nodes.map(({ target, html, failureSummary }) => {
      const where = `${target.flat().join(' ')}: ${html.slice(0, SHOWN_CHARACTERS)}`;
      return `axe ${id} (${impact}): ${help}\n    ${where}\n    ${failureSummary.replaceAll(/\s+/g, ' ')}\n    ${helpUrl}`;
    }),
  );
}
