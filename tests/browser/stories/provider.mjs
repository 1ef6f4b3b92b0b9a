// The whole story by pages alone: ana asks, rita reviews, csilla approves less than was asked, ana sees it
// and finishes; felix switches on. And what each of the provider's people sees beside that.

import { SCREENS, assert, check, signIn, story, visit } from '../lib.mjs';

const CONTENT = 'mailbox/adele@contoso.example';

/** Writes what ana asks for into the form of a new request. */
async function fill(page, { tenant = 'contoso', actions = ['read', 'search'], content = `${CONTENT}\nmailbox/bela@contoso.example` } = {}) {
  await page.getByLabel('Customer', { exact: true }).fill(tenant);
  await page.getByLabel('Service', { exact: true }).selectOption('exchange');
  await page.getByLabel('Service request').fill('SR-1042');
  await page.getByLabel('Reason', { exact: true }).selectOption('customer_initiated_support');
  await page.getByLabel('Why you need it').fill('The mailbox does not sync.');
  for (const action of actions) await page.getByLabel(action, { exact: true }).check();
  await page.getByLabel('Content', { exact: true }).fill(content);
  await page.getByLabel('For how long').selectOption('PT2H');
}

const idOf = (page) => new URL(page.url()).pathname.split('/').at(-1);

await story('provider', async (stage) => {
  const ana = await stage.open();
  await signIn(ana, 'ana');
  await check(ana, 'engineer-home-empty');
  await ana.getByRole('link', { name: 'New request' }).click();
  await check(ana, 'ask');
  await fill(ana, { tenant: 'nobody-at-all', content: 'mailbox' });
  await ana.getByRole('button', { name: 'Ask for access' }).click();
  await ana.getByText('“mailbox” is no content').waitFor();
  await ana.getByLabel('Content', { exact: true }).fill(`${CONTENT}\nmailbox/bela@contoso.example`);
  await ana.getByRole('button', { name: 'Ask for access' }).click();
  await ana.getByText('There is no customer of this name.').waitFor();
  assert.equal(await ana.getByLabel('Why you need it').inputValue(), 'The mailbox does not sync.', 'nothing written is lost');
  assert.equal(await ana.getByLabel('search', { exact: true }).isChecked(), true);
  await check(ana, 'ask-refused');
  await ana.getByLabel('Customer', { exact: true }).fill('contoso');
  // Two clicks, faster than any answer: one request.
  await ana.getByRole('button', { name: 'Ask for access' }).dblclick();
  await ana.getByText('Asked. A reviewer looks at it next').waitFor();
  await check(ana, 'engineer-request-submitted');
  const id = idOf(ana);
  await ana.goto('/');
  assert.equal(await ana.getByRole('link', { name: /LBX-/ }).count(), 1, 'a double click makes one request');

  // Another one, without script, and taken back.
  const plain = await stage.open({ script: false });
  await signIn(plain, 'ana');
  await plain.goto('/requests/new');
  await fill(plain);
  await plain.getByRole('button', { name: 'Ask for access' }).click();
  await plain.getByRole('button', { name: 'Withdraw the request' }).click();
  await plain.getByText('Nobody has to answer it any more').waitFor();

  const rita = await stage.open({ screen: 'phone', locale: 'hu-HU' });
  await signIn(rita, 'rita');
  await check(rita, 'reviewer-queue-phone-hu');
  await rita.getByText('az elmúlt 30 napban 2 kérést adott be').waitFor();
  await rita.getByText('2 személy hagyhat jóvá, közülük 1 egyetértése kell').waitFor();
  await rita.getByRole('link', { name: 'Megtekintés és ellenőrzés' }).click();
  await check(rita, 'review-phone-hu');
  await rita.getByRole('button', { name: 'Elutasítás' }).click();
  await rita.getByText('Elutasításkor írja le').waitFor();
  await rita.getByLabel('Megjegyzés').fill('Indokolt.');
  await rita.getByRole('button', { name: 'Továbbküldés az ügyfélnek' }).click();
  await rita.getByText('Továbbküldve. Az ügyfelet megkérdeztük').waitFor();

  const csilla = await stage.open({ screen: 'phone' });
  await signIn(csilla, 'csilla');
  await csilla.getByRole('link', { name: 'Look and answer' }).click();
  await csilla.getByText('Give less than was asked').click();
  await csilla.getByLabel('search', { exact: true }).uncheck();
  await csilla.getByLabel('mailbox bela@contoso.example').uncheck();
  await csilla.getByLabel('For how long').selectOption('PT30M');
  await csilla.getByLabel('Comment').fill('Only reading, only Adele.');
  await csilla.getByRole('button', { name: 'Approve' }).click();
  await csilla.getByText('Approved. ana@provider.example may do this: read – mailbox adele@contoso.example').waitFor();
  await check(csilla, 'approved-phone');

  await ana.goto('/');
  await check(ana, 'engineer-home');
  await ana.getByRole('link', { name: new RegExp(id) }).click();
  await ana.getByText('Only reading, only Adele.').first().waitFor();
  await check(ana, 'engineer-request-active');
  await ana.locator('form[action$="/close"]').getByLabel('Comment').fill('Sync is repaired.');
  await ana.getByRole('button', { name: 'Finish and end the access' }).click();
  await ana.getByText('Finished. The access has ended everywhere.').waitFor();
  await csilla.reload();
  await csilla.getByText('Sync is repaired.').first().waitFor();

  // felix has lockbox off: the reviewer is told that he alone decides, and felix switches on.
  await ana.goto('/requests/new');
  await fill(ana, { tenant: 'fabrikam', actions: ['read'], content: '' });
  await ana.getByRole('button', { name: 'Ask for access' }).click();
  await ana.getByText('Asked. A reviewer looks at it next').waitFor();
  const open = idOf(ana);
  await rita.goto(`/requests/${open}`);
  await rita.getByText('egyedül Ön dönt').waitFor();
  await check(rita, 'review-off-phone-hu');
  await rita.getByRole('button', { name: 'Jóváhagyás és hozzáférés megadása' }).click();
  await rita.getByText('Jóváhagyva. A szakember eddig férhet hozzá').waitFor();
  const felix = await stage.open({ scheme: 'dark' });
  await signIn(felix, 'felix');
  await check(felix, 'customer-off');
  await felix.getByRole('link', { name: 'Settings', exact: true }).click();
  await felix.getByRole('link', { name: 'Turn on' }).click();
  await felix.getByRole('button', { name: 'Turn on' }).click();
  await felix.getByText('Customer Lockbox is on. From now on').waitFor();
  await ana.reload();
  await ana.getByText('the customer ended it').waitFor();

  // Who only looks finds nothing to press.
  for (const who of ['olga', 'otto']) {
    const page = await stage.open({ scheme: who === 'olga' ? 'dark' : 'light' });
    await signIn(page, who);
    await check(page, `${who}-requests`);
    await visit(page, `/requests/${id}`, `${who}-request`);
    assert.equal(await page.locator('main form').count(), 0, `${who} can press something`);
    await page.getByText('(by token, from 127.0.0.1)').first().waitFor();
    await visit(page, '/requests/new', `${who}-may-not-ask`, 403);
  }
  const olga = stage.pages.at(-2);
  await olga.setViewportSize(SCREENS.phone.viewport);
  await visit(olga, '/tenants/contoso', 'olga-tenant-phone');
  assert.equal(await olga.locator('main form').count(), 0, 'an auditor changes nothing');
});
