// Without script everything works: what a script does better is missed by nobody.

import { assert, check, done, pending, signIn, story, visit } from '../lib.mjs';

async function told(stage, locale, screen) {
  const hungarian = locale === 'hu-HU';
  const name = `noscript-${screen}`;
  const id = await pending({ workload: 'sharepoint', content: undefined, actions: ['read', 'export'], duration: 'PT4H', service_request: `SR-${screen}` });
  const page = await stage.open({ locale, screen, script: false });
  await visit(page, '/sign-in', `${name}-sign-in`);
  await signIn(page, 'csilla');
  // What csilla chose on another device goes with her: she chooses for this one.
  await page.getByRole('button', { name: hungarian ? 'magyar' : 'English' }).click();
  await page.waitForURL((url) => url.pathname === '/');
  await check(page, `${name}-pending`);
  await page.getByRole('link', { name: new RegExp(`${id}$`) }).click();
  await check(page, `${name}-request`);
  const left = await page.locator('.left').first().textContent();
  assert.match(left, hungarian ? /^még (11 óra 59 perc|12 óra)$/ : /^(11 hours 59 minutes|12 hours) left$/);

  // The language is chosen, and the page stays.
  await page.getByRole('button', { name: hungarian ? 'English' : 'magyar' }).click();
  await page.waitForURL(`**/requests/${id}`);
  assert.equal(await page.locator('html').getAttribute('lang'), hungarian ? 'en' : 'hu');
  await page.getByRole('button', { name: hungarian ? 'magyar' : 'English' }).click();
  await page.waitForURL(`**/requests/${id}`);

  // Narrowed to a site that is no site: said, and nothing that was written is gone.
  await page.locator('details.narrow > summary').click();
  await page.locator('#duration').selectOption('PT30M');
  await page.locator('input[name=action][value=export]').uncheck();
  await page.locator('#only').fill('not a path');
  await page.locator('#comment').fill('só és bors\nkét sorban');
  await page.locator('.answer button.primary').click();
  await page.getByRole('alert').waitFor();
  await check(page, `${name}-wrong`);
  assert.deepEqual(
    [await page.locator('#duration').inputValue(), await page.locator('#only').inputValue(), await page.locator('#comment').inputValue(), await page.locator('input[value=export]').isChecked(), await page.locator('input[value=read]').isChecked()],
    ['PT30M', 'not a path', 'só és bors\nkét sorban', false, true],
  );
  await page.locator('#only').fill('site/finance\nsite/legal');
  await page.locator('.answer button.primary').click();
  await page.waitForURL('**/requests/*?done=approved');
  await check(page, `${name}-approved`);
  const { grant, decided } = await done('csilla', 'GET', `/v1/access-requests/${id}`);
  assert.deepEqual([grant.actions, grant.content, decided.comment], [['read'], ['site/finance', 'site/legal'], 'só és bors\nkét sorban']);
  assert.equal(Date.parse(grant.expires_at) - Date.parse(grant.starts_at), 1_800_000);

  await page.locator('#revoke-comment').fill('elég');
  await page.locator('.answer button.danger').click();
  await page.waitForURL('**/requests/*?done=revoked');
  assert.equal((await done('csilla', 'GET', `/v1/access-requests/${id}`)).state, 'revoked');

  const other = await pending({ service_request: 'SR-8' });
  await page.goto(`/requests/${other}`);
  await page.locator('#comment').fill('nem');
  await page.locator('.answer button.danger').click();
  await page.waitForURL('**/requests/*?done=denied');
  assert.equal((await done('csilla', 'GET', `/v1/access-requests/${other}`)).state, 'denied');
  await visit(page, '/requests?state=denied&q=SR-8', `${name}-found`);
  assert.ok(await page.getByRole('link', { name: other }).isVisible());
  await page.locator('.who button').click();
  await page.waitForURL((url) => url.pathname === '/sign-in');
  await page.goto(`/requests/${other}`);
  assert.match(page.url(), /\/sign-in\?return=%2Frequests/);
}

await story('noscript', async (stage) => {
  await told(stage, 'en-GB', 'desktop');
  await told(stage, 'hu-HU', 'phone');
});
