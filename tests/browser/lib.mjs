// The browser of the tests: real Chromium against a running `lockbox serve --demo`. A story opens pages as
// people do, and every page is held to what checks.mjs says. By hand, against a demo of one's own:
//
//   npm ci && DEMO_JSON=../../.lockbox-demo/demo.json node stories/NAME.mjs
//
// Environment: DEMO_JSON (addresses and people), SCREENSHOTS (a folder; `target/screenshots` if not given),
// CHROMIUM (the browser; else the one on the path), LOCKBOX (the program, for stories that run it).

import { strict as assert } from 'node:assert';
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { NARROWEST, axe, complaints, cost, sticksOut, watch } from './checks.mjs';

export { NARROWEST, PAGE_BYTES_MAX, axe, complaints, cost, sticksOut } from './checks.mjs';
export { assert };

/** Addresses, people and callers: demo.json as `serve --demo` writes it. */
export const demo = process.env.DEMO_JSON ? JSON.parse(readFileSync(process.env.DEMO_JSON, 'utf8')) : null;
const root = fileURLToPath(new URL('../..', import.meta.url));
const screenshots = process.env.SCREENSHOTS ?? join(root, 'target/screenshots');

/** Screens, in CSS pixels. */
export const SCREENS = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  narrow: { viewport: { width: NARROWEST, height: 640 } },
};
/** How long anything on a page may take; far above what is right. */
const PATIENCE_MS = 20_000;
const ONCE_MORE_AFTER_MS = 100;
const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];
const SWITCHES = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--force-color-profile=srgb',
];

function browserPath() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const places = (process.env.PATH ?? '').split(delimiter).flatMap((dir) => BROWSERS.map((name) => join(dir, name)));
  const there = (path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  };
  return places.find(there) ?? assert.fail('there is no Chromium: install `chromium`, or name one with CHROMIUM');
}

/**
 * Tells a story: `tell` gets a stage to open pages on. When it ends, every page it opened must be free of
 * complaints; when it fails, what the pages looked like then is kept.
 */
export async function story(name, tell) {
  const browser = await chromium.launch({ executablePath: browserPath(), args: SWITCHES });
  const stage = new Stage(browser);
  try {
    await tell(stage);
    await stage.end();
    console.log(`${name}: told`);
  } catch (error) {
    console.error(`${name}: ${error.stack ?? error}`);
    for (const [number, page] of stage.pages.entries()) {
      await shot(page, `failed-${name}-${number + 1}`).catch(() => {});
      console.error(`page ${number + 1} was at ${page.url()}`);
    }
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}

/** The contexts whose pages run script. */
const scripted = new WeakSet();

/** Where pages are opened; each is watched from its first request on. */
export class Stage {
  constructor(browser) {
    this.browser = browser;
    this.pages = [];
  }

  /**
   * A page of its own, with cookies of its own, as somebody with this browser sees it. Another `home` than
   * the authority is for pages of somebody else; `allow` names origins that may be asked beside it, and
   * `bytesMax` lets a page weigh more.
   */
  async open({ locale = 'en-GB', screen = 'desktop', script = true, scheme = 'light', zone = 'Europe/Budapest', home = demo?.authority, allow = [], bytesMax } = {}) {
    const context = await this.browser.newContext({
      ...SCREENS[screen], locale, timezoneId: zone, javaScriptEnabled: script, colorScheme: scheme, baseURL: home,
      reducedMotion: 'reduce', serviceWorkers: 'block',
    });
    context.setDefaultTimeout(PATIENCE_MS);
    if (script) scripted.add(context);
    return this.#watched(context, { home, allow, bytesMax });
  }

  /** Another page with the same cookies: a second tab. */
  tab(page, { home = demo?.authority, allow = [] } = {}) {
    return this.#watched(page.context(), { home, allow });
  }

  async #watched(context, { home, allow, bytesMax }) {
    const page = await context.newPage();
    await watch(page, new Set([home, ...allow].map((url) => new URL(url).origin)), bytesMax);
    this.pages.push(page);
    return page;
  }

  async end() {
    const said = (await Promise.all(this.pages.map(complaints))).flat();
    assert.equal(said.length, 0, listed('the pages of the story', said));
  }
}

function listed(what, said) {
  return `${said.length} complaint(s) about ${what}:\n${said.map((line) => `  - ${line}`).join('\n')}\n`;
}

/**
 * A picture of what the page shows. Chromium now and then has no frame to copy, mostly after it has just gone to
 * another page, and refuses; the same picture is there a moment later. Every other failure is told as it is.
 */
export async function picture(page, options) {
  for (const until = Date.now() + PATIENCE_MS; ; ) {
    try {
      return await page.screenshot({ animations: 'disabled', ...options });
    } catch (error) {
      if (!error.message.includes('Unable to capture screenshot') || Date.now() > until) throw error;
      console.log(`no picture of ${page.url()} yet: asked again`);
      await sleep(ONCE_MORE_AFTER_MS);
    }
  }
}

/** A picture of the whole page: `target/screenshots/NAME.png`. */
export async function shot(page, name) {
  mkdirSync(screenshots, { recursive: true });
  await picture(page, { path: join(screenshots, `${name}.png`), fullPage: true });
}

/**
 * Holds the page as it stands to everything: axe in light and dark, no sideways scrolling from 320 px on,
 * its cost, and what was complained of on the way. Keeps a picture under `name`, prints what it cost.
 */
export async function check(page, name) {
  const said = await complaints(page);
  const [size, scheme] = [page.viewportSize(), await page.evaluate(() => (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'))];
  await shot(page, name);
  // Without script axe cannot wait; the page is the same one that is looked at with script.
  for (const colours of scripted.has(page.context()) ? [scheme, scheme === 'dark' ? 'light' : 'dark'] : []) {
    await page.emulateMedia({ colorScheme: colours });
    said.push(...(await axe(page)).map((complaint) => `in ${colours}, ${complaint}`));
  }
  await page.emulateMedia({ colorScheme: scheme });
  await page.setViewportSize({ width: NARROWEST, height: size.height });
  said.push(...(await sticksOut(page)));
  await page.setViewportSize(size);
  said.push(...(await complaints(page)));
  const costs = await cost(page);
  mkdirSync(join(screenshots, 'costs'), { recursive: true });
  writeFileSync(join(screenshots, 'costs', `${name}.json`), `${JSON.stringify(costs)}\n`);
  console.log(`${name}: ${costs.bytes} bytes without images, ${costs.requests} requests, first byte after ${costs.first_byte_ms} ms`);
  assert.equal(said.length, 0, listed(`${name} (${page.url()})`, said));
}

/** Goes to a page, which must answer with `status`, and holds it to everything. */
export async function visit(page, path, name, status = 200) {
  const response = await page.goto(path, { waitUntil: 'load' });
  assert.equal(response.status(), status, `${path} answered ${response.status()}`);
  await check(page, name);
  return response;
}

/** Signs in on the demo's own page, where everybody of the cast has a button. */
export async function signIn(page, person) {
  const { id } = demo.people[person];
  await page.goto('/sign-in');
  await page.getByRole('button', { name: id }).click();
  await page.waitForURL((url) => url.pathname !== '/sign-in');
}

/** Asks the authority's API as somebody of the cast; `''` is nobody. */
export async function api(person, method, path, body, headers = {}) {
  const token = (demo.people[person] ?? demo.callers[person])?.token;
  const response = await fetch(demo.authority + path, {
    method,
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
    redirect: 'manual',
  });
  const text = await response.text();
  const json = /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : null;
  return { status: response.status, etag: response.headers.get('etag'), body: json, text };
}

/** The same, where anything but a success ends the story. */
export async function done(person, method, path, body, headers) {
  const answer = await api(person, method, path, body, headers);
  assert.ok(answer.status < 300, `${person}: ${method} ${path} answered ${answer.status}: ${answer.text}`);
  return answer.body;
}

/** An AccessRequest of ana's that waits for contoso; what it says can be changed. Its id. */
export async function pending(said = {}) {
  const wish = {
    tenant: 'contoso', workload: 'exchange', service_request: 'SR-1042', duration: 'PT2H', actions: ['read'],
    reason: { code: 'customer_initiated_support', text: 'mailbox does not sync' },
    content: ['mailbox/adele@contoso.example'], ...said,
  };
  const { id } = await done('ana', 'POST', '/v1/access-requests', wish);
  await done('rita', 'POST', `/v1/access-requests/${id}/review`, { verdict: 'approve', comment: 'needed' });
  return id;
}

/** Goes with the Tab key to what has this accessible name, as somebody without a mouse does. */
export async function tabTo(page, name, stepsMax = 100) {
  const there = page.getByRole('button', { name }).or(page.getByRole('link', { name })).or(page.getByLabel(name));
  for (let step = 0; step < stepsMax; step += 1) {
    await page.keyboard.press('Tab');
    for (const one of await there.all()) {
      if (await one.evaluate((element) => element === document.activeElement)) return one;
    }
  }
  return assert.fail(`${stepsMax} steps with Tab do not lead to "${name}" on ${page.url()}`);
}

/**
 * A device for passkeys of this page, always there and always willing; needs a page on `localhost`, not on a
 * number. `verified(false)` makes it one that does not know its user any more.
 */
export async function passkey(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const options = {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
    automaticPresenceSimulation: true,
  };
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', { options });
  return { verified: (isUserVerified) => devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }) };
}
