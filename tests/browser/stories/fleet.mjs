// The fleet, as operators see it: who holds what, and what to do about a sidecar that is lost.

import { assert, check, demo, signIn, story, visit } from '../lib.mjs';

/// One renewal of a sidecar elsewhere, which registers it.
async function renew() {
  const renewal = { protocol: 1, incarnation: 'run-1', nonce: 1, holds: null, workloads: ['exchange'], lease_ms: 3000, drift_ppm_max: 100000 };
  return fetch(`${demo.authority}/v1/renew`, {
    method: 'POST',
    headers: { authorization: `Bearer ${process.env.SIDECAR_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(renewal),
  });
}

await story('fleet', async (stage) => {
  assert.equal((await renew()).status, 200);
  const otto = await stage.open({ screen: 'phone' });
  await signIn(otto, 'otto');
  await otto.getByRole('link', { name: 'Sidecars' }).click();
  await otto.getByRole('heading', { name: 'edge-1' }).waitFor();
  await otto.getByRole('heading', { name: 'embedded' }).waitFor();
  await check(otto, 'fleet-phone');
  await otto.getByText('It is lost edge-1').click();
  await otto.getByRole('button', { name: 'Take it off the list edge-1' }).click();
  await otto.getByText('edge-1 gets no lease any more.').waitFor();
  await otto.getByText('taken off the list').first().waitFor();
  await check(otto, 'fleet-removed-phone');
  const refused = await renew();
  assert.equal(refused.status, 403);
  assert.match((await refused.json()).detail, /taken off the list by otto@provider.example/);
  await otto.getByRole('button', { name: 'Let it in again edge-1' }).click();
  await otto.getByText('edge-1 may renew again.').waitFor();
  assert.equal((await renew()).status, 200);

  const dark = await stage.open({ scheme: 'dark', locale: 'hu-HU' });
  await signIn(dark, 'otto');
  await visit(dark, '/fleet', 'fleet-hu-dark');
  const csilla = await stage.open({});
  await signIn(csilla, 'csilla');
  assert.equal(await csilla.getByRole('link', { name: 'Sidecars' }).count(), 0, 'this is the provider\'s');
});
