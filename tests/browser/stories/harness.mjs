// The harness on trial: pages made to fail each check one by one, and a page that passes them all. A check
// that says nothing of a bad page is no check.

import { createServer } from 'node:http';
import { PAGE_BYTES_MAX, assert, axe, check, complaints, cost, picture, story, sticksOut, tabTo, visit } from '../lib.mjs';

const STRICT =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const STYLE = `
:root { color-scheme: light dark; background: #fff; color: #111; } body { margin: 1rem; }
@media (prefers-color-scheme: dark) { :root { background: #111; color: #eee; } a { color: #9cf; } } pre { overflow-x: auto; }
button, a { display: inline-block; min-height: 2rem; min-width: 2rem; }`;

const html = (body, head = '') =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>T</title>
   <meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/style.css">${head}</head>
   <body><main><h1>T</h1>${body}</main></body></html>`;

const PAGES = {
  '/good': html('<p id="zone"></p><pre tabindex="0">' + 'wide '.repeat(200) + '</pre><p><a href="/good">Again</a> <button>Go</button></p>', '<script src="/good.js" defer></script>'),
  '/foreign': html('<p>x</p>', '<link rel="stylesheet" href="http://elsewhere.example/style.css">'),
  '/inline': html('<p style="color: red">x</p>'),
  '/throws': html('<p>x</p>', '<script src="/throws.js"></script>'),
  '/missing': html('<p>x</p>', '<script src="/nowhere.js"></script>'),
  '/wide': html('<p><button>' + 'W'.repeat(80) + '</button></p>'),
  '/heavy': html(`<!-- ${'x'.repeat(PAGE_BYTES_MAX)} --><p>x</p>`),
  '/unnamed': html('<p><button></button><input></p>'),
  '/pale': html('<p class="pale">Hard to read</p>', '<link rel="stylesheet" href="/pale.css">'),
  '/refused': html('<p>No.</p>'),
};
const FILES = {
  '/style.css': ['text/css', STYLE],
  // Pale in the dark only: what is looked at in one scheme only misses it.
  '/pale.css': ['text/css', '@media (prefers-color-scheme: dark) { body { background: #fff } .pale { color: #eee } }'],
  '/good.js': ['text/javascript', "document.getElementById('zone').textContent = Intl.DateTimeFormat().resolvedOptions().timeZone + ' ' + navigator.language;"],
  '/throws.js': ['text/javascript', "throw new Error('on purpose');"],
};

const asked = [];
const server = createServer((request, response) => {
  asked.push({ url: request.url, cookie: request.headers.cookie ?? '', language: request.headers['accept-language'] });
  const page = PAGES[request.url];
  const [type, text] = page ? ['text/html; charset=utf-8', page] : (FILES[request.url] ?? ['text/plain', '']);
  const status = request.url === '/refused' ? 409 : text ? 200 : 404;
  const cookie = '__Host-lockbox=1; Secure; HttpOnly; SameSite=Strict; Path=/';
  response.writeHead(status, { 'content-type': type, ...(page && { 'content-security-policy': STRICT, 'set-cookie': cookie }) });
  response.end(text);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const home = `http://127.0.0.1:${server.address().port}`;

await story('harness', async (stage) => {
  const good = await stage.open({ home, locale: 'hu-HU', zone: 'Europe/Budapest' });
  await visit(good, '/good', 'harness-good');
  assert.equal(await good.locator('#zone').textContent(), 'Europe/Budapest hu-HU');
  assert.match(asked[0].language, /^hu/);
  const costs = await cost(good);
  assert.ok(costs.requests === 3 && costs.bytes > 1000 && costs.bytes < 10_000 && costs.first_byte_ms >= 0, JSON.stringify(costs));
  await tabTo(good, 'Go');
  await assert.rejects(tabTo(good, 'Nowhere', 5), /do not lead to "Nowhere"/);
  // A cookie of this kind is kept on loopback although there is no TLS.
  assert.equal(asked[0].cookie, '', 'a first visit has no cookie');
  await good.goto('/good');
  assert.equal(asked.at(-1).cookie, '__Host-lockbox=1', 'the second visit has one');
  await visit(good, '/refused', 'harness-refused', 409);

  const without = await stage.open({ home, script: false, screen: 'phone', scheme: 'dark' });
  await visit(without, '/good', 'harness-without-script');
  assert.equal(await without.locator('#zone').textContent(), '', 'no script ran');

  for (const [path, said] of [
    ['/foreign', [/asks another origin: http:\/\/elsewhere\.example/, /Content Security Policy/]],
    ['/inline', [/Content Security Policy/]],
    ['/throws', [/the script of .* failed: on purpose/]],
    ['/missing', [/Failed to load resource/]],
    ['/wide', [/wide on a screen of 320/, /sticks out: <button>WWW/]],
    ['/heavy', [/costs 6\d{4} bytes without images: 60000 are allowed/]],
    ['/unnamed', [/axe button-name \(critical\)/, /axe label \(critical\)/]],
    ['/pale', [/in dark, axe color-contrast/]],
  ]) {
    const page = await stage.open({ home });
    await page.goto(path);
    const error = await check(page, `harness-bad${path.replace('/', '-')}`).then(() => null, (error) => error);
    assert.ok(error, `${path} passes all checks`);
    for (const what of said) assert.match(error.message, what);
    assert.deepEqual(await complaints(page), [], `${path}: what was said is said once`);
  }
  // A browser that has nothing to show yet is asked again; one that is broken is not.
  const refusals = [
    ['Protocol error (Page.captureScreenshot): Unable to capture screenshot', async (taken) => assert.equal(await taken, 'a picture')],
    ['Target crashed', (taken) => assert.rejects(taken, /crashed/)],
  ];
  for (const [refusal, holds] of refusals) {
    let refused = false;
    const screenshot = async () => {
      if (refused) return 'a picture';
      refused = true;
      throw new Error(`page.screenshot: ${refusal}`);
    };
    await holds(picture({ screenshot, url: () => home }, {}));
  }

  const wide = await stage.open({ home, screen: 'narrow' });
  await wide.goto('/wide');
  assert.equal((await sticksOut(wide)).length, 2);
  assert.deepEqual(await axe(wide), []);
});
server.close();
