// The page that `lockbox policy coverage` writes stands alone, and is for everybody: held to the same as
// the pages of the authority, but for its weight: it holds every policy. And the cast and the API that other stories begin with are there.

import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { api, assert, demo, pending, story, visit } from '../lib.mjs';

const here = fileURLToPath(new URL('../../..', import.meta.url));
const page = execFileSync(process.env.LOCKBOX, ['policy', 'coverage', here, '--output', 'html'], { maxBuffer: 1 << 24 });
const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page));
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const home = `http://127.0.0.1:${server.address().port}`;

await story('coverage', async (stage) => {
  await visit(await stage.open({ home, bytesMax: 250_000 }), '/', 'coverage-desktop');
  await visit(await stage.open({ home, screen: 'phone', scheme: 'dark', bytesMax: 250_000 }), '/', 'coverage-phone');

  const { status, body } = await api('', 'GET', '/openapi.json');
  assert.equal(status, 200);
  assert.ok(body.paths['/v1/access-requests'], 'the description is the authority’s');
  const id = await pending({ service_request: 'SR-7' });
  const seen = await api('csilla', 'GET', `/v1/access-requests/${id}`);
  assert.deepEqual([seen.body.state, seen.body.service_request, seen.etag], ['notified', 'SR-7', '"2"']);
  assert.equal((await api('felix', 'GET', `/v1/access-requests/${id}`)).status, 404);
  assert.ok(demo.people.felix.token, 'felix is somebody');
});
server.close();
