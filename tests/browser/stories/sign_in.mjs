// Signing in at an issuer of another site, as people do: by one button, with a proof that is asked for anew
// before an approval, a session that is over in the middle of one, and out again. The harness starts the
// issuer (ISSUER) and lets time pass for sessions (AGE).

import { assert, check, demo, pending, story } from '../lib.mjs';

const issuer = process.env.ISSUER;
const CSILLA = demo.people.csilla.id;

/** As if so many minutes had passed since all sessions were used or proved. */
async function pass(minutes) {
  const answer = await fetch(process.env.AGE, { method: 'POST', body: JSON.stringify(minutes) });
  assert.equal(answer.status, 200, await answer.text());
}

/** Proves who one is on the issuer's page, which must be there. */
async function prove(page, person) {
  await page.waitForURL((url) => url.origin === issuer);
  await page.getByLabel('Person').fill(person);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

await story('sign_in', async (stage) => {
  const id = await pending();
  const path = `/requests/${id}`;
  const page = await stage.open({ allow: [issuer] });
  const back = () => page.waitForURL((url) => url.pathname === path);

  // From the link of a mail, over the issuer, to the request.
  await page.goto(path);
  await check(page, 'sign-in-oidc');
  await page.getByRole('button', { name: 'Sign in with your organisation' }).click();
  await prove(page, CSILLA);
  await back();
  await page.getByText(CSILLA, { exact: true }).first().waitFor();

  // Lunch in the middle of it: he has to say again that it is him, and what he wrote is there.
  await page.getByText('Give less than was asked').click();
  await page.getByLabel('For how long').selectOption('PT30M');
  await page.getByLabel('Comment').fill('Only while the ticket is open.');
  await pass({ seen: 31 });
  await page.getByRole('button', { name: 'Approve' }).click();
  await check(page, 'sign-in-oidc-again');
  await page.getByRole('button', { name: 'Confirm that it is you' }).click();
  await prove(page, CSILLA);
  await back();
  assert.equal(await page.getByLabel('Comment').inputValue(), 'Only while the ticket is open.');
  assert.equal(await page.getByLabel('For how long').inputValue(), 'PT30M');
  await check(page, 'sign-in-oidc-kept');
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByRole('status').getByText('Approved.').waitFor();
  await page.getByText('(by sign-in service, urn:lockbox:test:two-factors, from 127.0.0.1)').waitFor();

  // A proof that is too old for what ends an access.
  await page.getByLabel('Comment').fill('Done with it.');
  await pass({ proved: 11 });
  await page.getByRole('button', { name: 'End access now' }).click();
  await page.getByRole('button', { name: 'Confirm that it is you' }).click();
  await prove(page, CSILLA);
  await back();
  assert.equal(await page.getByLabel('Comment').inputValue(), 'Done with it.');
  await page.getByRole('button', { name: 'End access now' }).click();
  await page.getByRole('status').getByText('Ended.').waitFor();

  // Somebody else at the same screen is told so, and gets nothing of what was there.
  await pass({ seen: 31 });
  await page.reload();
  await page.getByRole('button', { name: 'Confirm that it is you' }).click();
  await page.waitForURL((url) => url.origin === issuer);
  await page.context().clearCookies({ domain: new URL(issuer).hostname });
  await page.goto('/sign-in?again=1');
  await page.getByRole('button', { name: 'Confirm that it is you' }).click();
  await prove(page, demo.people.dora.id);
  await page.getByRole('alert').getByText(demo.people.dora.id).waitFor();
  await check(page, 'sign-in-oidc-somebody-else');
  await page.getByRole('link', { name: 'Back to the sign-in' }).click();
  await page.context().clearCookies({ domain: new URL(issuer).hostname });
  await page.getByRole('button', { name: 'Confirm that it is you' }).click();
  await prove(page, CSILLA);
  // Where it leads, not on the way there: a page that goes on by itself would go on over the next one.
  await page.waitForURL((url) => url.origin === demo.authority && url.pathname === '/');

  // Out; going back shows nothing of what was there.
  await page.goto(path);
  await page.getByText('mailbox does not sync').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('status').getByText('You are signed out here.').waitFor();
  await check(page, 'sign-in-signed-out');
  await page.goBack();
  await page.waitForURL((url) => url.pathname === '/sign-in');
  assert.ok(!(await page.content()).includes('mailbox does not sync'));
  assert.deepEqual((await page.context().cookies(demo.authority)).filter(({ name }) => name === '__Host-lockbox'), []);

  // Without script, on a phone, in Hungarian.
  const plain = await stage.open({ allow: [issuer], script: false, screen: 'phone', locale: 'hu-HU' });
  await plain.goto(path);
  await check(plain, 'sign-in-oidc-plain');
  await plain.getByRole('button', { name: 'Bejelentkezés szervezeti fiókkal' }).click();
  await prove(plain, CSILLA);
  await plain.waitForURL((url) => url.pathname === path);
  await plain.getByText('mailbox does not sync').waitFor();
});
