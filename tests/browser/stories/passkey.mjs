// An approval that a passkey confirms: csilla adds one, approves with it, and the history says so. A device
// that cannot make sure who she is confirms nothing. HOME_URL is the authority's address by a name: browsers
// have no passkeys at a number.

import { assert, check, demo, passkey, pending, story } from '../lib.mjs';

const home = process.env.HOME_URL;

await story('passkey', async (stage) => {
  const page = await stage.open({ home });
  const device = await passkey(page);
  await page.goto('/sign-in');
  await page.getByRole('button', { name: demo.people.csilla.id }).click();
  await page.waitForURL((url) => url.pathname !== '/sign-in');

  await page.getByRole('link', { name: demo.people.csilla.id }).click();
  await check(page, 'account');
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByRole('status').getByText('The passkey was added.').waitFor();
  await check(page, 'account-passkey');

  const id = await pending();
  await page.goto(`/requests/${id}`);
  await check(page, 'request-passkey');
  await page.getByLabel('Comment').fill('Only this mailbox.');
  await page.getByRole('button', { name: 'Approve with passkey' }).click();
  await page.getByRole('status').getByText('Approved.').waitFor();
  await page.getByText('(by token, passkey, from 127.0.0.1)').waitFor();

  // The same on a device that does not know its user: nothing is sent, and all is still there.
  await device.verified(false);
  const other = await pending();
  await page.goto(`/requests/${other}`);
  await page.getByLabel('Comment').fill('Still here.');
  await page.getByRole('button', { name: 'Approve with passkey' }).click();
  await page.getByRole('alert').getByText('did not confirm it').waitFor();
  assert.equal(await page.getByLabel('Comment').inputValue(), 'Still here.');

  // Without script an approval works as ever, and the page says what does not.
  const plain = await stage.open({ home, script: false });
  await plain.goto('/sign-in');
  await plain.getByRole('button', { name: demo.people.csilla.id }).click();
  await plain.goto('/account');
  await plain.getByText('needs script').waitFor();
});
