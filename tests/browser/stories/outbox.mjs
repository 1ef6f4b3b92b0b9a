// The outbox: in a demo nothing leaves the house, and each message is read on the page.

import { assert, check, pending, signIn, story, visit } from '../lib.mjs';

await story('outbox', async (stage) => {
  const empty = await stage.open({ screen: 'phone', locale: 'hu-HU' });
  await signIn(empty, 'felix');
  await visit(empty, '/outbox', 'outbox-empty-phone-hu');
  await empty.getByText('Még nem készült üzenet.').waitFor();

  const id = await pending();
  const csilla = await stage.open({ screen: 'phone' });
  await signIn(csilla, 'csilla');
  await csilla.getByRole('link', { name: 'Messages' }).click();
  await check(csilla, 'outbox-phone');
  assert.equal(await csilla.getByRole('heading', { name: 'A request waits for an answer' }).count(), 2, 'csilla and dora are told');
  assert.equal(await csilla.locator('main form').count(), 0, 'where nothing goes out there is nothing to hurry');
  await csilla.getByRole('link', { name: 'A request waits for an answer' }).first().click();
  await csilla.locator('article.card h2').waitFor();
  await check(csilla, 'notice-phone');
  await csilla.getByRole('link', { name: id }).click();
  await csilla.getByRole('button', { name: 'Approve' }).waitFor();

  const otto = await stage.open({ scheme: 'dark', locale: 'hu-HU' });
  await signIn(otto, 'otto');
  await visit(otto, '/outbox', 'outbox-operator-hu');
  await otto.getByRole('link', { name: 'Sikertelen' }).click();
  await otto.getByText('Nincs olyan üzenet').waitFor();
  await check(otto, 'outbox-dead-hu');
});
