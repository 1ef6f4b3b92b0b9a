// Without a mouse: everything is reached with Tab in the order it is read, where one is can be seen, and
// Enter in a field answers nothing.

import { assert, check, done, pending, signIn, story, tabTo } from '../lib.mjs';

/** What has the focus must be seen: a ring around it, on the screen, with nothing over it. */
async function inSight(page, what) {
  const seen = await page.evaluate(() => {
    const element = document.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const above = document.elementFromPoint(x, y);
    return { ring: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2, there: x >= 0 && y >= 0 && y <= innerHeight, bare: element.contains(above) || above?.contains(element) };
  });
  assert.deepEqual(seen, { ring: true, there: true, bare: true }, `the focus on ${what} is in sight`);
}

/** Waits until this has the focus: browsers give `autofocus` its due a moment after the page is there. */
async function focused(page, what) {
  await page.waitForFunction((what) => document.activeElement.matches(what), what);
}

async function told(stage, screen) {
  const id = await pending({ actions: ['read', 'search'], service_request: `SR-${screen.length}` });
  const page = await stage.open({ screen });
  await page.goto('/sign-in');
  // The first stop is the way past the menu; it shows itself, and leads on.
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content');
  await inSight(page, 'the skip link');
  await page.keyboard.press('Enter');
  await tabTo(page, 'csilla@contoso.example', 10);
  await inSight(page, 'a person');
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.pathname === '/');

  await tabTo(page, `Look and answer ${id}`);
  await inSight(page, 'the request');
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/requests/${id}`);

  // From the skip link the next stops are those of the request, in the order they are read.
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await tabTo(page, /Give less than was asked/, 4).catch(() => {});
  const narrow = page.locator('details.narrow > summary');
  await narrow.focus();
  await inSight(page, 'what opens the narrowing');
  await page.keyboard.press('Enter');
  const stops = [];
  for (let step = 0; step < 7; step += 1) {
    await page.keyboard.press('Tab');
    await inSight(page, `stop ${step + 1} of the form`);
    stops.push(await page.evaluate(() => document.activeElement.name || document.activeElement.value || document.activeElement.textContent));
  }
  assert.deepEqual(stops, ['duration', 'action', 'action', 'content', 'Show what this would allow', 'comment', 'Approve']);

  // Enter in a box to tick is no answer: it shows what the answer would mean.
  await page.getByLabel('search', { exact: true }).focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/requests/${id}/look`);
  await focused(page, '.would');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'If you approve, ana@provider.example may do this from that moment: read – mailbox adele@contoso.example – for 2 hours, and not longer.');
  assert.equal(await page.getByLabel('search', { exact: true }).isChecked(), false);
  await check(page, `keyboard-${screen}-look`);
  // Neither is it one in the list of durations.
  await page.locator('#duration').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  assert.equal((await done('csilla', 'GET', `/v1/access-requests/${id}`)).state, 'notified', 'nothing was answered');
  assert.match(page.url(), /\/look$/);

  await page.getByLabel('Comment').focus();
  await page.keyboard.type('from the keyboard');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/requests/*?done=approved');
  // Where one is after it: at what was done.
  await focused(page, '.done');
  const { decided, grant } = await done('csilla', 'GET', `/v1/access-requests/${id}`);
  assert.deepEqual([decided.comment, grant.actions], ['from the keyboard', ['read']]);
  await check(page, `keyboard-${screen}`);

  await tabTo(page, 'End access now');
  await inSight(page, 'the end of the access');
  await page.keyboard.press('Space');
  await page.waitForURL('**/requests/*?done=revoked');
  await tabTo(page, 'Sign out');
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.pathname === '/sign-in');
}

await story('keyboard', async (stage) => {
  await told(stage, 'desktop');
  await told(stage, 'narrow');

  // What is refused is where the focus goes.
  const id = await pending({ service_request: 'SR-77' });
  const page = await stage.open();
  await signIn(page, 'csilla');
  await page.goto(`/requests/${id}`);
  await page.locator('details.narrow > summary').click();
  await page.getByLabel('read', { exact: true }).uncheck();
  await page.getByRole('button', { name: 'Approve' }).press('Enter');
  await page.getByRole('alert').waitFor();
  await focused(page, '.problem');
  assert.match(await page.getByRole('alert').textContent(), /at least one action/);
});
