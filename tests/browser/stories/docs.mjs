// The pictures of docs/customers.md, in both languages: taken anew with LOCKBOX_REGENERATE=1. Without, the
// pages they show can be shown, and the pictures are there and small.

import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert, demo, done, pending, picture, signIn, story } from '../lib.mjs';
import { withPalette } from '../palette.mjs';

const images = fileURLToPath(new URL('../../../docs/images', import.meta.url));
const regenerate = process.env.LOCKBOX_REGENERATE === '1';
/** The largest a picture may be, in bytes. */
const IMAGE_BYTES_MAX = 80_000;
/** The height that shows a page's important part, in CSS pixels. */
const HEIGHTS = { pending: 420, request: 720, confirmed: 700, accesses: 560 };

async function taken(page, name, height) {
  const path = join(images, `${name}.png`);
  if (regenerate) {
    mkdirSync(images, { recursive: true });
    if (height) await page.setViewportSize({ width: 1080, height });
    writeFileSync(path, withPalette(await picture(page, { scale: 'css' })));
  }
  const { size } = statSync(path, { throwIfNoEntry: false }) ?? assert.fail(`there is no ${path}: take it with LOCKBOX_REGENERATE=1`);
  assert.ok(size > 5000 && size < IMAGE_BYTES_MAX, `${path} has ${size} bytes`);
}

async function asks(action, id, reason) {
  const headers = { authorization: `Bearer ${demo.callers['exchange-frontend'].token}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ engineer: 'ana@provider.example', action, tenant: 'contoso', workload: 'exchange', content: { type: 'mailbox', id } });
  for (let tries = 0; tries < 200; tries += 1) {
    const said = await (await fetch(`${demo.sidecar}/v1/authorize`, { method: 'POST', headers, body })).json();
    if (said.reason === reason) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(`${action} never came to ${reason}`);
}

const WORDS = {
  en: { locale: 'en-GB', text: 'The mailbox of Adele does not sync on her phone since Friday.', comment: 'Please only read.' },
  hu: { locale: 'hu-HU', text: 'Adél postaládája péntek óta nem szinkronizál a telefonjával.', comment: 'Kérem, csak olvasásra.' },
};

await story('docs', async (stage) => {
  for (const [language, { locale, text, comment }] of Object.entries(WORDS)) {
    const id = await pending({ reason: { code: 'customer_initiated_support', text }, actions: ['read', 'search'], service_request: 'SR-1042' });
    const [page, phone] = [await stage.open({ locale }), await stage.open({ locale, screen: 'phone' })];
    await signIn(page, 'csilla');
    await page.getByRole('link', { name: new RegExp(`${id}$`) }).waitFor();
    await taken(page, `${language}-pending`, HEIGHTS.pending);
    await page.goto(`/requests/${id}`);
    await page.locator('.would').waitFor();
    await taken(page, `${language}-request`, HEIGHTS.request);
    await signIn(phone, 'csilla');
    await phone.goto(`/requests/${id}`);
    await phone.locator('.jump').waitFor();
    await taken(phone, `${language}-phone-request`);
    await page.locator('details.narrow > summary').click();
    await page.locator('input[value=search]').uncheck();
    await page.locator('#comment').fill(comment);
    await page.locator('.answer .primary').click();
    await page.waitForURL('**?done=approved');
    await taken(page, `${language}-confirmed`, HEIGHTS.confirmed);
    await asks('read', 'adele@contoso.example', 'grant_active');
    await asks('export', 'adele@contoso.example', 'out_of_scope');
    await page.goto(`/requests/${id}`);
    await page.locator('.timeline').scrollIntoViewIfNeeded();
    await page.locator('#accesses').evaluate((heading) => heading.scrollIntoView({ block: 'start' }));
    await taken(page, `${language}-accesses`, HEIGHTS.accesses);
    await done('csilla', 'POST', `/v1/access-requests/${id}/revoke`, { comment: 'over' });
  }
});
