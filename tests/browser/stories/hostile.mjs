// What others do: a form from another site, a forged one, a page in a frame, a mail scanner that opens
// everything, and whatever an engineer may write into a request. Nothing of it changes anything, and all of
// it stays text.

import { createServer } from 'node:http';
import { assert, check, demo, done, api, pending, signIn, story } from '../lib.mjs';

/** How often a mail scanner opens an address. */
const OPENED = 50;
const show = (id) => done('csilla', 'GET', `/v1/access-requests/${id}`);

/** A server of somebody else, with these pages. */
async function elsewhere(pages, tell) {
  const server = createServer((request, response) => {
    response.writeHead(pages[request.url] ? 200 : 404, { 'content-type': 'text/html; charset=utf-8' }).end(pages[request.url] ?? '');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  // Another name for the same machine: another site to a browser.
  try {
    await tell(`http://localhost:${server.address().port}`);
  } finally {
    server.close();
  }
}

async function formsOfOthers(stage) {
  const id = await pending();
  const page = await stage.open({ allow: ['http://localhost'] });
  await signIn(page, 'csilla');
  await page.goto(`/requests/${id}`);
  const csrf = await page.locator('.answer input[name=csrf]').inputValue();
  const action = `${demo.authority}/requests/${id}/approve`;
  // With everything a form needs, even the secret that no other site can know.
  const form = (token, way) => `<!doctype html><title>Win</title><form method="post" action="${action}">
    <input name="csrf" value="${token}"><input name="version" value="2"><input name="action" value="read"><input name="content" value="mailbox/adele@contoso.example">
    <button>Win a phone</button></form>${way}`;
  const framed = `<!doctype html><title>Frame</title><iframe src="${demo.authority}/requests/${id}" width="600" height="600"></iframe>`;
  await elsewhere({ '/form': form(csrf, ''), '/frame': framed }, async (home) => {
    const other = await stage.tab(page, { home, allow: [demo.authority] });
    await other.goto(`${home}/form`);
    await other.getByRole('button').click();
    await other.getByRole('heading', { name: 'This did not come from our page' }).waitFor();
    assert.equal((await show(id)).state, 'notified', 'a form of another site approves nothing');
    await check(other, 'hostile-foreign');

    const frame = await stage.browser.newContext();
    const around = await frame.newPage();
    const refused = [];
    around.on('console', (message) => refused.push(message.text()));
    await around.goto(`${home}/frame`);
    await around.waitForFunction(() => true);
    for (let tries = 0; tries < 100 && refused.length === 0; tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.match(refused.join('\n'), /frame-ancestors|X-Frame-Options/, 'no frame shows it');
    await frame.close();
  });

  // From the page itself, but not with the session's secret.
  await page.locator('.answer input[name=csrf]').evaluate((field) => (field.value = 'A'.repeat(43)));
  await page.getByLabel('Comment').fill('kept all the same');
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByRole('heading', { name: 'The form is no longer valid' }).waitFor();
  assert.equal(await page.getByLabel('What you had written').inputValue(), 'kept all the same');
  await check(page, 'hostile-forged');
  assert.equal((await show(id)).version, 2);

  // A script that runs in a browser elsewhere, or one that sends no origin at all.
  for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { 'sec-fetch-site': 'none' }]) {
    const cookies = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
    const body = new URLSearchParams({ csrf, version: '2', action: 'read', content: 'mailbox/adele@contoso.example' });
    const answer = await fetch(action, { method: 'POST', headers: { cookie: cookies, ...headers }, body, redirect: 'manual' });
    assert.equal(answer.status, 403, JSON.stringify(headers));
  }
  assert.equal((await show(id)).version, 2, 'nothing has changed');
}

/** A mail scanner, with the session of whom it scans for: every address, over and over. */
async function scanned(stage) {
  const id = await pending();
  const given = await pending();
  await done('csilla', 'POST', `/v1/access-requests/${given}/approve`, {}, { 'if-match': '"2"' });
  const before = [await show(id), await show(given), await done('csilla', 'GET', '/v1/tenants/contoso')];
  const page = await stage.open();
  await signIn(page, 'csilla');
  const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  const paths = ['/', '/requests', '/sign-in', '/settings', '/outbox'];
  for (const one of [id, given]) paths.push(...['', '/look', '/approve', '/deny', '/revoke', '/approve?comment=yes&version=2'].map((verb) => `/requests/${one}${verb}`));
  paths.push('/sign-out', '/language?language=hu', '/sign-in/token');
  for (const path of paths) {
    for (let times = 0; times < OPENED; times += 10) {
      const answers = await Promise.all(Array.from({ length: 10 }, (_, number) => fetch(demo.authority + path, { method: number % 2 ? 'HEAD' : 'GET', headers: { cookie }, redirect: 'manual' })));
      for (const { status } of answers) assert.ok(status < 500, `${path} answered ${status}`);
    }
  }
  assert.deepEqual([await show(id), await show(given), await done('csilla', 'GET', '/v1/tenants/contoso')], before, 'to look changes nothing');
  await page.reload();
  assert.ok(await page.getByRole('button', { name: 'Sign out' }).isVisible(), 'and signs nobody out');
  assert.equal(await page.locator('html').getAttribute('lang'), 'en');
}

const TEXTS = {
  markup: '<script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'"></textarea></details><h1>Approved</h1>&lt;b&gt;',
  address: 'See https://evil.example/login and javascript:alert(1) or mail sec@evil.example',
  template: '{{ 7*7 }} ${7*7} { $engineer } {"x"} %0d%0aSet-Cookie: a=b',
  quotes: '"\' onfocus=alert(1) autofocus x="',
  long: 'W'.repeat(4096),
  lines: Array.from({ length: 400 }, (_, number) => `line ${number}`).join('\n'),
  words: 'long words '.repeat(370).trim(),
};

/** Whatever an engineer, a reviewer or an approver writes stays what it is, at every place that shows it. */
async function stayText(stage) {
  for (const [name, text] of Object.entries(TEXTS)) {
    const reason = { code: 'emergency', text };
    const id = await pending({ reason, content: [`mailbox/${'m'.repeat(60)}@contoso.example`, ...Array.from({ length: 20 }, (_, number) => `mailbox/adele@contoso.example/folder/f${number}/message/${'x'.repeat(60)}`)] });
    const page = await stage.open({ screen: name.length % 2 ? 'phone' : 'desktop' });
    page.on('dialog', (dialog) => assert.fail(`a dialog: ${dialog.message()}`));
    await signIn(page, 'csilla');
    await check(page, `hostile-${name}-pending`);
    await page.goto(`/requests/${id}`);
    const quote = page.locator('dl.facts dd').nth(1).locator('.quote').last();
    assert.equal(await quote.textContent(), text, 'the text is there, letter for letter');
    await check(page, `hostile-${name}-request`);
    // However long it is, who and for how long are on the first screen.
    for (const what of ['ana@provider.example', 'waiting for your answer']) {
      const box = await page.locator('main').getByText(what).first().boundingBox();
      assert.ok(box.y + box.height < page.viewportSize().height, `"${what}" is pushed away by a ${name} text`);
    }
    const comment = text.slice(0, 2000);
    await page.getByLabel('Comment').fill(comment);
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.waitForURL('**?done=approved');
    assert.equal((await show(id)).decided.comment, comment.trim());
    assert.equal(await page.locator('.history .quote').last().textContent(), comment.trim());
    assert.equal(await page.title(), `Lockbox request ${id} · Customer Lockbox`);
    assert.equal(await page.locator('main script, main img, main a[href^="javascript:"], main a[href*="evil"]').count(), 0);
    assert.equal(await page.locator('h1').count(), 1);
    await check(page, `hostile-${name}-approved`);
    await done('csilla', 'POST', `/v1/access-requests/${id}/revoke`, { comment: 'over' });
  }
  // What turns text around or hides is not taken at all, or isolated where it is shown.
  for (const text of ['\u202egnp.exe', 'a\u2066b', 'zero\u200bwidth']) {
    const answer = await api('ana', 'POST', '/v1/access-requests', {
      tenant: 'contoso', workload: 'exchange', service_request: 'SR-1', duration: 'PT1H', actions: ['read'], reason: { code: 'emergency', text },
    });
    if (answer.status < 300) {
      await done('rita', 'POST', `/v1/access-requests/${answer.body.id}/review`, { verdict: 'approve' });
      const page = await stage.open();
      await signIn(page, 'csilla');
      await page.goto(`/requests/${answer.body.id}`);
      const around = page.locator('dl.facts dd').nth(1).locator('.quote bdi').last();
      assert.equal(await around.textContent(), text);
      assert.equal(await around.evaluate((element) => getComputedStyle(element).unicodeBidi), 'isolate');
    } else {
      assert.equal(answer.status, 422, answer.text);
    }
  }
}

/** The filters and every other address: what comes in by it goes out as text. */
async function addresses(stage) {
  const page = await stage.open();
  await signIn(page, 'csilla');
  const bad = '"><script>document.title="owned"</script>';
  for (const field of ['q', 'state', 'workload', 'engineer', 'since', 'cursor', 'tenant']) {
    const response = await page.goto(`/requests?${field}=${encodeURIComponent(bad)}`);
    assert.ok(response.status() < 500, field);
    assert.match(await page.title(), /^All requests/);
    assert.equal(await page.locator('#since').inputValue(), '');
    if (field === 'q') assert.equal(await page.locator('#q').inputValue(), bad);
  }
  await page.goto(`/requests/${encodeURIComponent(bad)}`);
  assert.match(await page.title(), /^There is nothing here/);
  await page.goto(`/sign-in?return=${encodeURIComponent(`//evil.example/${bad}`)}&again=1`);
  assert.equal(await page.locator('input[name=return]').filter({ visible: false }).first().inputValue(), '/');
  for (const back of ['https://evil.example/', '//evil.example', '/\\evil.example', 'javascript:alert(1)']) {
    await page.goto(`/sign-in?return=${encodeURIComponent(back)}`);
    await page.getByRole('button', { name: demo.people.csilla.id }).click();
    await page.waitForURL((url) => url.pathname === '/');
    assert.equal(new URL(page.url()).origin, demo.authority);
  }
}

await story('hostile', async (stage) => {
  await formsOfOthers(stage);
  await scanned(stage);
  await stayText(stage);
  await addresses(stage);
});
