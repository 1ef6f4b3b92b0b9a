// The settings: the switch says what it means before it is turned, each part is saved by itself, a mistake
// comes back with what was written, and who may only look sees no form.

import { assert, check, done, signIn, story, visit } from '../lib.mjs';

await story('settings', async (stage) => {
  // felix' lockbox is off, and ana has access by the provider's own review: turning it on ends that.
  const wish = {
    tenant: 'fabrikam', workload: 'exchange', service_request: 'SR-9', duration: 'PT1H', actions: ['read'],
    reason: { code: 'response_to_alert', text: 'queue is stuck' }, content: ['mailbox/felicia@fabrikam.example'],
  };
  const { id } = await done('ana', 'POST', '/v1/access-requests', wish);
  await done('rita', 'POST', `/v1/access-requests/${id}/review`, { verdict: 'approve', comment: 'needed' });

  const felix = await stage.open({ locale: 'hu-HU', screen: 'phone' });
  await signIn(felix, 'felix');
  await felix.getByRole('link', { name: 'Beállítások', exact: true }).click();
  await check(felix, 'settings-phone-hu');
  await felix.getByRole('link', { name: 'Bekapcsolás' }).click();
  await felix.getByText('Ezek száma jelenleg 1:').waitFor();
  assert.equal(await felix.getByRole('link', { name: id }).count(), 1, 'what would end is named');
  await check(felix, 'switch-off-phone-hu');
  await felix.getByRole('button', { name: 'Bekapcsolás' }).click();
  await felix.getByText('Az Ügyfélszéf be van kapcsolva. Mostantól').waitFor();
  assert.equal((await done('felix', 'GET', `/v1/access-requests/${id}`)).state, 'revoked');
  await felix.getByText('Ügyfélszéf: Ki → Be').waitFor();
  await felix.getByRole('link', { name: 'Kikapcsolás' }).click();
  await check(felix, 'switch-on-phone-hu');
  await felix.getByRole('link', { name: 'Maradjon így' }).click();

  // csilla, without script: each part by itself, a mistake beside its field, a stale tab.
  const csilla = await stage.open({ script: false });
  await signIn(csilla, 'csilla');
  await visit(csilla, '/settings', 'settings-desktop');
  const save = (section) => csilla.locator(`form[action="/settings/${section}"]`).getByRole('button', { name: 'Save' }).click();
  await csilla.getByLabel('Notification addresses').fill('desk@contoso.example\nSecurity@contoso.example');
  await save('notify');
  await csilla.getByText('“Security@contoso.example” is nobody').waitFor();
  assert.equal(await csilla.getByLabel('Notification addresses').inputValue(), 'desk@contoso.example\nSecurity@contoso.example');
  assert.equal(await csilla.getByLabel('Notification addresses').getAttribute('aria-invalid'), 'true');
  await check(csilla, 'settings-refused');
  await csilla.getByLabel('Notification addresses').fill('desk@contoso.example');
  await save('notify');
  await csilla.getByText('Notification addresses: added desk@contoso.example').waitFor();
  await csilla.getByLabel('How many have to agree').fill('3');
  await save('approvers');
  await csilla.getByText('you have 2').waitFor();
  await csilla.getByLabel('How many have to agree').fill('2');
  await save('approvers');
  await csilla.getByText('How many have to agree: 1 → 2').waitFor();

  const stale = stage.tab(csilla);
  const stalePage = await stale;
  await stalePage.goto('/settings');
  await csilla.getByLabel('Longest access').selectOption('PT1H');
  await save('limits');
  await csilla.getByText("Longest access: as the provider's → 1 hour").waitFor();
  await stalePage.getByLabel('Time to answer').selectOption('PT4H');
  await stalePage.locator('form[action="/settings/limits"]').getByRole('button', { name: 'Save' }).click();
  await stalePage.getByText('Somebody changed this after you had opened it').waitFor();
  await stalePage.getByText('Longest access: 1 hour', { exact: true }).waitFor();
  assert.equal(await stalePage.getByLabel('Time to answer').inputValue(), 'PT4H', 'what was chosen is still chosen');
  await stalePage.getByLabel('Longest access').selectOption('PT1H');
  await stalePage.locator('form[action="/settings/limits"]').getByRole('button', { name: 'Save' }).click();
  await stalePage.getByText("Time to answer: as the provider's → 4 hours").waitFor();
  await csilla.goto('/settings');
  await csilla.getByLabel('Time zone').fill('Europe/Nowhere');
  await save('language');
  await csilla.getByText('There is no time zone “Europe/Nowhere”').waitFor();
  await csilla.getByLabel('Time zone').fill('Europe/Budapest');
  await csilla.getByLabel('Language of mails').selectOption('hu');
  await save('language');
  await csilla.getByText('Language of mails: English → magyar').waitFor();
  await csilla.getByLabel('Webhooks').fill('pager https://pager.contoso.example/lockbox');
  await save('webhooks');
  await csilla.getByText('Webhooks: added pager=https://pager.contoso.example/lockbox').waitFor();
  await check(csilla, 'settings-saved');

  // dora may look, and nothing more.
  const dora = await stage.open({ scheme: 'dark' });
  await signIn(dora, 'dora');
  await visit(dora, '/settings', 'settings-read-only');
  assert.equal(await dora.locator('main form').count(), 0, 'dora has no form');
  await visit(dora, '/settings/lockbox', 'switch-read-only');
  assert.equal(await dora.locator('main form').count(), 0, 'dora has no switch');

  // The provider's people look too; otto enters what was bought.
  const otto = await stage.open();
  await signIn(otto, 'otto');
  await visit(otto, '/tenants', 'tenants');
  await otto.getByRole('link', { name: 'fabrikam' }).click();
  await check(otto, 'tenant-operator');
  await otto.getByLabel('Entitlement').selectOption('none');
  await otto.getByRole('button', { name: 'Save' }).click();
  await otto.getByText('has to turn it off first').waitFor();
  await felix.getByRole('link', { name: 'Kikapcsolás' }).click();
  await felix.getByRole('button', { name: 'Kikapcsolás' }).click();
  await felix.getByText('Az Ügyfélszéf ki van kapcsolva. A szolgáltató mostantól').waitFor();
  await otto.goto('/tenants/fabrikam');
  await otto.getByLabel('Entitlement').selectOption('none');
  await otto.getByRole('button', { name: 'Save' }).click();
  await otto.getByText('Entitlement: E5 plan → none').waitFor();
  await felix.goto('/settings/lockbox');
  await felix.getByText('Nem kapcsolható be').waitFor();
  assert.equal(await felix.locator('main form').count(), 0, 'without an entitlement there is no button');
  await check(felix, 'switch-not-entitled-hu');
});
