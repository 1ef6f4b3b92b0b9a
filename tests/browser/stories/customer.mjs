// The whole story of csilla without curl: what waits, what it says, less than was asked for, what exactly
// was given and until when, what was touched, the end, the history. On a desktop in English, on a phone in
// Hungarian.

import { assert, check, demo, done, pending, shot, signIn, story, visit } from '../lib.mjs';

const SAYS = {
  'en-GB': {
    pending: 'Waiting for your answer', left: /^1[12] hours( \d+ minutes)? left$/, narrow: /Give less/, hour: '1 hour', actions: 'Actions',
    search: 'search', approve: 'Approve', revoke: 'End access now', comment: 'Comment', noneTouched: /Nothing has been touched/, history: ['access asked for', 'let through', 'approved', 'ended by the customer'],
    approved: /^Approved\. ana@provider\.example may do this: read – mailbox adele@contoso\.example – until (\d+ \w+ \d{4}, \d\d:\d\d \(CES?T\))\.$/,
    revoked: 'Ended. Nobody can use this access any more.', allowed: 'allowed', refused: 'refused', nobody: 'Nobody of the provider has access to your content.',
    all: 'All requests', filters: 'More filters', state: 'State', show: 'Show', none: /No request fits/,
  },
  'hu-HU': {
    pending: 'Az Ön válaszára vár', left: /^még 1[12] óra( \d+ perc)?$/, narrow: /Kevesebb engedélyezése/, hour: '1 óra', actions: 'Műveletek',
    search: 'keresés', approve: 'Jóváhagyás', revoke: 'Hozzáférés megszüntetése most', comment: 'Megjegyzés', noneTouched: /még semmihez sem/, history: ['hozzáférést kértek', 'továbbengedte', 'jóváhagyva', 'az ügyfél megszüntette'],
    approved: /^Jóváhagyva\. ana@provider\.example ezt teheti: olvasás – postaláda: adele@contoso\.example – eddig: (\d{4}\. \S+ \d+\. \d\d:\d\d \(CES?T\))\.$/,
    revoked: 'Megszüntetve. Ezt a hozzáférést már senki sem használhatja.', allowed: 'engedélyezve', refused: 'megtagadva', nobody: 'A szolgáltató részéről senki sem fér hozzá a tartalmukhoz.',
    all: 'Minden kérés', filters: 'További szűrők', state: 'Állapot', show: 'Megjelenítés', none: /Nincs a szűrésnek megfelelő/,
  },
};
const text = 'The mailbox of Adele does not sync on her phone since Friday.';

/** Asks the sidecar as Exchange's front end does, until it answers so: news takes a moment. */
async function exchangeAsks(action, reason) {
  const body = JSON.stringify({
    engineer: 'ana@provider.example', action, tenant: 'contoso', workload: 'exchange', content: { type: 'mailbox', id: 'adele@contoso.example' },
  });
  const headers = { authorization: `Bearer ${demo.callers['exchange-frontend'].token}`, 'content-type': 'application/json' };
  let said;
  for (let tries = 0; tries < 200; tries += 1) {
    said = await (await fetch(`${demo.sidecar}/v1/authorize`, { method: 'POST', headers, body })).json();
    if (said.reason === reason) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(`the sidecar says ${JSON.stringify(said)}, not ${reason}`);
}

async function told(stage, locale, screen, scheme) {
  const says = SAYS[locale];
  const name = `customer-${locale.slice(0, 2)}-${screen}`;
  const page = await stage.open({ locale, screen, scheme });
  await visit(page, '/', `${name}-sign-in`);
  await signIn(page, 'csilla');
  await check(page, `${name}-nothing`);
  assert.ok(await page.getByText(says.nobody).isVisible());

  const id = await pending({ actions: ['read', 'search'], reason: { code: 'customer_initiated_support', text } });
  await page.getByRole('navigation').getByRole('link').first().click();
  await page.getByRole('heading', { level: 1, name: says.pending }).waitFor();
  await check(page, `${name}-pending`);
  assert.match(await page.locator('.left').first().textContent(), says.left, 'the countdown is a whole sentence');
  await page.getByRole('link', { name: new RegExp(`${id}$`) }).click();

  // The first screen says who, what, why, for how long, and until when to answer.
  await page.waitForURL(`**/requests/${id}`);
  if (screen === 'phone') {
    const { height } = page.viewportSize();
    for (const what of ['ana@provider.example', 'SR-1042', text, 'adele@contoso.example', says.search, says.hour.replace('1', '2').replace('hour', 'hours'), '(CE']) {
      const box = await page.locator('main').getByText(what).first().boundingBox();
      assert.ok(box && box.y + box.height < height, `"${what}" is not on the first screen: ${JSON.stringify(box)}`);
    }
    assert.ok(await page.locator('.jump').isVisible(), 'the way to the answer is on the first screen');
    await page.locator('.jump').click();
    const approve = await page.getByRole('button', { name: says.approve }).boundingBox();
    assert.ok(approve.y + approve.height <= height, `the buttons are in sight: ${JSON.stringify(approve)}`);
  }
  await check(page, `${name}-request`);

  await page.getByText(says.narrow).click();
  await page.locator('#duration').selectOption({ label: says.hour });
  await page.getByLabel(says.search, { exact: true }).uncheck();
  await page.getByLabel(says.comment).fill('Only what is needed <b>please</b>');
  await check(page, `${name}-narrowed`);
  await page.getByRole('button', { name: says.approve }).click();
  await page.waitForURL('**/requests/*?done=approved');
  const sentence = await page.getByRole('status').textContent();
  assert.match(sentence, says.approved);
  // What the page says is what the record holds.
  const { grant, decided } = await done('csilla', 'GET', `/v1/access-requests/${id}`);
  const length = Date.parse(grant.expires_at) - Date.parse(grant.starts_at);
  assert.deepEqual([grant.actions, grant.content, length], [['read'], ['mailbox/adele@contoso.example'], 3_600_000]);
  assert.equal(decided.comment, 'Only what is needed <b>please</b>');
  const until = await page.locator(`time[datetime="${grant.expires_at}"]`).first().textContent();
  assert.equal(until, says.approved.exec(sentence)[1], 'the sentence says the very end of the Grant');
  assert.ok(await page.getByText(says.noneTouched).isVisible());
  await check(page, `${name}-approved`);

  await exchangeAsks('read', 'grant_active');
  await exchangeAsks('search', 'out_of_scope');
  await page.goto(`/requests/${id}`);
  const outcomes = page.locator('section:has(#accesses) tbody tr');
  assert.ok((await outcomes.filter({ hasText: says.allowed }).count()) >= 1, 'what was read is shown');
  assert.ok((await outcomes.filter({ hasText: says.refused }).count()) >= 1, 'what was refused is shown');
  assert.ok((await page.locator('.timeline rect').count()) >= 2);
  await check(page, `${name}-accesses`);
  await page.emulateMedia({ media: 'print' });
  await shot(page, `${name}-print`);
  assert.equal(await page.getByRole('button').filter({ visible: true }).count(), 0, 'paper has no buttons');
  await page.emulateMedia({ media: 'screen' });

  await page.getByLabel(says.comment).fill('enough');
  await page.getByRole('button', { name: says.revoke }).click();
  await page.waitForURL('**/requests/*?done=revoked');
  assert.equal(await page.getByRole('status').textContent(), says.revoked);
  // It is over at once, without a wait.
  const after = await fetch(`${demo.sidecar}/v1/authorize`, {
    method: 'POST',
    headers: { authorization: `Bearer ${demo.callers['exchange-frontend'].token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ engineer: 'ana@provider.example', action: 'read', tenant: 'contoso', workload: 'exchange', content: { type: 'mailbox', id: 'adele@contoso.example' } }),
  });
  assert.equal((await after.json()).reason, 'grant_revoked');
  const history = await page.locator('.history').textContent();
  let place = -1;
  for (const event of says.history) {
    const next = history.indexOf(event, place + 1);
    assert.ok(next > place, `"${event}" is missing, or out of order, in: ${history}`);
    place = next;
  }
  await check(page, `${name}-revoked`);

  await page.getByRole('link', { name: says.all }).click();
  await check(page, `${name}-all`);
  assert.ok(await page.getByRole('link', { name: id }).isVisible());
  await page.getByText(says.filters).click();
  await page.getByLabel(says.state).selectOption('denied');
  await page.getByRole('button', { name: says.show, exact: true }).click();
  assert.equal(await page.getByRole('link', { name: id }).count(), 0);
  assert.ok(await page.getByText(says.none).isVisible());
  await check(page, `${name}-none-found`);
  await visit(page, '/requests/LBX-99999', `${name}-not-there`, 404);
}

/** The script says durations as the server does. */
async function sameWords(stage) {
  const id = await pending({ workload: 'sharepoint', content: undefined, duration: 'PT4H' });
  for (const locale of ['en-GB', 'hu-HU']) {
    const [without, scripted] = [await stage.open({ locale, script: false }), await stage.open({ locale })];
    await signIn(without, 'csilla');
    await signIn(scripted, 'csilla');
    // What it counts is the difference of the two: both told of the server here, at chosen distances.
    for (const [seconds, said] of [
      [0, ['0 seconds', '0 másodperc']], [1, ['1 second', '1 másodperc']], [59, ['59 seconds', '59 másodperc']], [60, ['1 minute', '1 perc']],
      [3599, ['59 minutes', '59 perc']], [3600, ['1 hour', '1 óra']], [7260, ['2 hours 1 minute', '2 óra 1 perc']],
      [86_400, ['1 day', '1 nap']], [90_061, ['1 day 1 hour', '1 nap 1 óra']], [172_860, ['2 days 1 minute', '2 nap 1 perc']],
    ]) {
      await scripted.route('**/requests/*', async (route) => {
        const response = await route.fetch();
        const html = await response.text();
        const now = Date.parse(/data-now="([^"]+)"/.exec(html)[1]);
        // Half a second more, so that it is the same second when the script runs.
        const until = new Date(now + seconds * 1000 + 900).toISOString();
        await route.fulfill({ response, body: html.replaceAll(/data-until="[^"]+"/g, `data-until="${until}"`) });
      });
      await scripted.clock.setFixedTime(new Date());
      await scripted.goto(`/requests/${id}`);
      const left = (await scripted.locator('.left').first().textContent()).replaceAll('\u00a0', ' ');
      const duration = said[locale === 'hu-HU' ? 1 : 0];
      assert.equal(left, locale === 'hu-HU' ? `még ${duration}` : `${duration} left`);
      await scripted.unroute('**/requests/*');
    }
    // And on one and the same page.
    await without.goto(`/requests/${id}`);
    await scripted.goto(`/requests/${id}`);
    const [plain, counted] = await Promise.all([without, scripted].map((page) => page.locator('.left').first().textContent()));
    assert.match(plain, SAYS[locale].left);
    assert.match(counted, SAYS[locale].left);
    // Without script nobody tells the zone: the tenant's it is. Times are written by the server alone.
    const [byTenant, byReader] = await Promise.all([without, scripted].map((page) => page.locator('.status time').textContent()));
    assert.match(byReader, /\(CES?T\)$/);
    assert.match(byTenant, /\((CES?T|UTC)\)$/);
  }
}

await story('customer', async (stage) => {
  await told(stage, 'en-GB', 'desktop', 'light');
  await told(stage, 'hu-HU', 'phone', 'dark');
  await sameWords(stage);
});
