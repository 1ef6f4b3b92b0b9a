// The session is over in the middle of an approval: whoever signs in again finds what he had written and
// chosen. Time passes when the story says so (AGE).

import { assert, check, demo, done, pending, signIn, story } from '../lib.mjs';

/** Lets minutes pass for every session: since its last use, since the proof. */
async function pass(minutes) {
  const answer = await fetch(process.env.AGE, { method: 'POST', body: JSON.stringify(minutes) });
  assert.equal(answer.status, 200);
}

const state = async (id) => (await done('csilla', 'GET', `/v1/access-requests/${id}`)).state;

/** Signs in, lets time pass over a half-written answer, sends it, and finds it all after signing in. */
async function interrupted(stage, minutes, options, name) {
  const id = await pending({ actions: ['read', 'search', 'export'], service_request: name, content: ['mailbox/adele@contoso.example', 'mailbox/bela@contoso.example'] });
  const page = await stage.open(options);
  await signIn(page, 'csilla');
  await page.goto(`/requests/${id}`);
  await page.locator('details.narrow > summary').click();
  await page.locator('#duration').selectOption('PT15M');
  await page.locator('input[value=search]').uncheck();
  await page.locator('input[value="mailbox/bela@contoso.example"]').uncheck();
  await page.locator('#comment').fill('written before\nthe end “of the session”');
  await pass(minutes);
  await page.locator('.answer button.primary').click();
  await page.waitForURL('**/sign-in?*');
  assert.equal(await state(id), 'notified', 'nothing was approved by a proof that is too old');
  assert.match(await page.getByRole('status').textContent(), /kept/);
  await check(page, `session-${name}-again`);
  await page.getByRole('button', { name: demo.people.csilla.id }).click();
  await page.waitForURL(`**/requests/${id}`);
  assert.deepEqual(
    [
      await page.locator('#comment').inputValue(), await page.locator('#duration').inputValue(), await page.locator('input[value=read]').isChecked(),
      await page.locator('input[value=search]').isChecked(), await page.locator('input[value=export]').isChecked(),
      await page.locator('input[value="mailbox/adele@contoso.example"]').isChecked(), await page.locator('input[value="mailbox/bela@contoso.example"]').isChecked(),
    ],
    ['written before\nthe end “of the session”', 'PT15M', true, false, true, true, false],
  );
  assert.ok(await page.locator('#duration').isVisible(), 'what was chosen is not folded away');
  await check(page, `session-${name}-kept`);
  await page.locator('.answer button.primary').click();
  await page.waitForURL('**?done=approved');
  const { grant, decided } = await done('csilla', 'GET', `/v1/access-requests/${id}`);
  assert.deepEqual([grant.actions, grant.content, decided.comment], [['export', 'read'], ['mailbox/adele@contoso.example'], 'written before\nthe end “of the session”']);
}

/** Signed out in another tab: the answer is not taken, and what was written is shown. */
async function signedOutElsewhere(stage) {
  const id = await pending({ service_request: 'SR-out' });
  const page = await stage.open();
  await signIn(page, 'csilla');
  await page.goto(`/requests/${id}`);
  await page.getByLabel('Comment').fill('still here?');
  const tab = await stage.tab(page);
  await tab.goto('/');
  await tab.getByRole('button', { name: 'Sign out' }).click();
  await tab.waitForURL((url) => url.pathname === '/sign-in');
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByRole('heading', { name: 'The form is no longer valid' }).waitFor();
  assert.equal(await page.getByLabel('What you had written').inputValue(), 'still here?');
  await check(page, 'session-signed-out');
  assert.equal(await state(id), 'notified');
  // Another person at the same browser is given nothing of it.
  await signIn(page, 'dora');
  await page.goto(`/requests/${id}`);
  assert.equal(await page.getByLabel('Comment').inputValue(), '');
  await page.goBack();
  assert.equal(await state(id), 'notified');
}

await story('session', async (stage) => {
  // 10 minutes since the proof, half an hour of silence, 8 hours in all: each is over by itself.
  await interrupted(stage, { proved: 10 }, {}, 'proof');
  await interrupted(stage, { seen: 30 }, { script: false, screen: 'phone' }, 'idle');
  await interrupted(stage, { opened: 480 }, { screen: 'phone' }, 'longest');
  await signedOutElsewhere(stage);
});
