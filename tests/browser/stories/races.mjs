// Two who answer, one who answers twice, and answers that come too late: one counts, everybody learns whose,
// and nothing that was written is lost.

import { assert, check, done, pending, shot, signIn, story } from '../lib.mjs';

const show = (id) => done('csilla', 'GET', `/v1/access-requests/${id}`);
const versioned = async (who, id, verb, body = {}) =>
  done(who, 'POST', `/v1/access-requests/${id}/${verb}`, body, { 'if-match': `"${(await show(id)).version}"` });
const approve = (page) => page.getByRole('button', { name: 'Approve' });

async function opened(stage, person, id, options) {
  const page = await stage.open(options);
  await signIn(page, person);
  await page.goto(`/requests/${id}`);
  return page;
}

async function twoAtOnce(stage) {
  const id = await pending();
  const [csilla, dora] = await Promise.all([opened(stage, 'csilla', id), opened(stage, 'dora', id)]);
  await csilla.getByLabel('Comment').fill('csilla says yes');
  await dora.getByLabel('Comment').fill('dora says no, and why');
  await Promise.all([
    approve(csilla).click().then(() => csilla.waitForLoadState()),
    dora.getByRole('button', { name: 'Reject' }).click().then(() => dora.waitForLoadState()),
  ]);
  const { state, version, decided } = await show(id);
  assert.equal(version, 3, 'one of the two counts');
  const yes = state === 'active';
  assert.equal(decided.by, yes ? 'csilla@contoso.example' : 'dora@contoso.example');
  const [winner, loser] = yes ? [csilla, dora] : [dora, csilla];
  await winner.waitForURL(`**/requests/${id}?done=${yes ? 'approved' : 'denied'}`);
  const said = await loser.getByRole('alert').textContent();
  assert.match(said, new RegExp(`${decided.by.replaceAll('.', '\\.')} answered on \\d+ \\w+ \\d{4}`), 'the loser learns who, and when');
  assert.equal(await loser.getByLabel('What you had written').inputValue(), yes ? 'dora says no, and why' : 'csilla says yes');
  assert.ok(await loser.getByText(yes ? 'access given' : 'rejected').first().isVisible(), 'and what');
  if (yes) assert.equal(await loser.getByLabel('Comment').inputValue(), '', 'a comment on an answer is none on the end of the access');
  await check(loser, 'races-loser');
}

async function quorumOfTwo(stage) {
  await done('csilla', 'PATCH', '/v1/tenants/contoso', { quorum: 2 });
  try {
    const id = await pending();
    const [csilla, dora] = await Promise.all([opened(stage, 'csilla', id), opened(stage, 'dora', id)]);
    assert.ok(await csilla.getByText('2 approvers have to agree; nobody has yet').isVisible());
    await csilla.getByLabel('Comment').fill('one of two');
    await approve(csilla).click();
    await csilla.waitForURL('**?done=approved');
    assert.match(await csilla.getByRole('status').textContent(), /You have agreed\. Access is given when enough/);
    assert.equal(await approve(csilla).count(), 0, 'one person counts once');
    await check(csilla, 'races-agreed');
    assert.equal((await show(id)).state, 'notified');
    // dora has looked at it before csilla agreed: she is shown what changed, then agrees to that.
    await dora.getByLabel('Comment').fill('two of two');
    await approve(dora).click();
    await dora.getByRole('alert').waitFor();
    assert.equal(await dora.getByLabel('Comment').inputValue(), 'two of two');
    assert.ok(await dora.getByText('1 have so far').or(dora.getByText('1 has so far')).first().isVisible());
    await check(dora, 'races-second');
    await approve(dora).click();
    await dora.waitForURL('**?done=approved');
    assert.match(await dora.getByRole('status').textContent(), /^Approved\. ana@provider\.example may do this: read/);
    const { state, decided } = await show(id);
    assert.deepEqual([state, decided.by], ['active', 'dora@contoso.example']);
  } finally {
    await done('csilla', 'PATCH', '/v1/tenants/contoso', { quorum: 1 });
  }
}

/** The same answer twice, however it comes about, is one answer, and nobody is told that it failed. */
async function twice(stage) {
  for (const script of [true, false]) {
    const id = await pending();
    const page = await opened(stage, 'csilla', id, { script });
    await page.getByLabel('Comment').fill('once');
    let posts = 0;
    page.on('request', (request) => (posts += request.method() === 'POST' ? 1 : 0));
    await approve(page).dblclick();
    // Without script the second click is a second way to the same page, and the browser gives up the first.
    await page.waitForURL('**?done=approved').catch((error) => assert.match(error.message, /ERR_ABORTED/));
    await page.waitForURL('**?done=approved');
    assert.match(await page.getByRole('status').textContent(), /^Approved\./);
    assert.equal(await page.getByRole('alert').count(), 0);
    assert.equal((await show(id)).version, 3);
    if (script) assert.equal(posts, 1, 'the second click sends nothing');

    // Back, and once more.
    await page.goBack();
    await page.waitForURL(`**/requests/${id}`);
    if (await approve(page).count()) {
      await page.getByLabel('Comment').fill('once');
      await approve(page).click();
      await page.waitForURL('**?done=approved');
      assert.match(await page.getByRole('status').textContent(), /^Approved\./);
    }
    const events = await done('csilla', 'GET', `/v1/access-requests/${id}/events`);
    assert.equal(events.items.length, 3, 'asked, reviewed, approved: once');
    // To reload sends nothing again.
    await page.reload();
    assert.equal((await show(id)).version, 3);
  }
}

async function staleTabs(stage) {
  // A tab that has been open since before the answer: another answer from there is none.
  const id = await pending();
  const page = await opened(stage, 'csilla', id);
  const tab = await stage.tab(page);
  await tab.goto(`/requests/${id}`);
  await page.getByRole('button', { name: 'Reject' }).click();
  await page.waitForURL('**?done=denied');
  await tab.getByLabel('Comment').fill('changed my mind');
  await approve(tab).click();
  await tab.getByRole('alert').waitFor();
  assert.match(await tab.getByRole('alert').textContent(), /Nothing was changed|Look at what it says now/);
  assert.equal(await tab.getByLabel('What you had written').inputValue(), 'changed my mind');
  assert.deepEqual([(await show(id)).state, (await show(id)).version], ['denied', 3]);

  // Withdrawn while it was looked at.
  const gone = await pending();
  await page.goto(`/requests/${gone}`);
  await done('ana', 'POST', `/v1/access-requests/${gone}/withdraw`, { comment: 'solved' });
  await page.getByLabel('Comment').fill('go ahead');
  await approve(page).click();
  await page.getByRole('alert').waitFor();
  assert.ok(await page.getByText('withdrawn', { exact: true }).isVisible());
  assert.equal(await page.getByLabel('What you had written').inputValue(), 'go ahead');
  assert.equal((await show(gone)).state, 'withdrawn');
  await check(page, 'races-withdrawn');

  // Closed while the end of it was being written.
  const closed = await pending();
  await versioned('csilla', closed, 'approve');
  await page.goto(`/requests/${closed}`);
  await done('ana', 'POST', `/v1/access-requests/${closed}/close`, { comment: 'fixed' });
  await page.getByLabel('Comment').fill('end it');
  await page.getByRole('button', { name: 'End access now' }).click();
  await page.getByRole('alert').waitFor();
  assert.equal(await page.getByLabel('What you had written').inputValue(), 'end it');
  assert.equal((await show(closed)).state, 'closed');
  await shot(page, 'races-closed');
}

await story('races', async (stage) => {
  await twoAtOnce(stage);
  await quorumOfTwo(stage);
  await twice(stage);
  await staleTabs(stage);
});
