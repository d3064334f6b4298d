"""Signers at once on a SoftHSM token (tests/bench/token.c): they must scale, and without an error."""
import json
import os
import subprocess

MODULES = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so']


def bench_pkcs11(build, work, threads, count=4000):
    print('PKCS#11', flush=True)
    module = next((m for m in MODULES if os.path.exists(m)), None)
    if module is None:
        return 'Signers on a token: SoftHSM is not installed'
    os.makedirs(f'{work}/tokens')
    open(f'{work}/softhsm2.conf', 'w').write(f'directories.tokendir = {work}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n')
    environment = {**os.environ, 'SOFTHSM2_CONF': f'{work}/softhsm2.conf'}
    subprocess.run(['softhsm2-util', '--init-token', '--free', '--label', 'bench', '--pin', '1234', '--so-pin', '12345678'],
                   env=environment, check=True, stdout=subprocess.DEVNULL)
    run = subprocess.run([f'{build}/bench/token', f'{work}/keys', module, 'bench', '1234', str(threads), str(count)], env=environment,
                         capture_output=True, text=True)
    if not run.stdout:
        return f'Signers on a token: {run.stderr.strip()}'
    r = json.loads(run.stdout)
    met = r['errors'] == 0 and r['many'] >= r['one']
    return (f"Signatures of a SoftHSM token a second, each proved: {r['one']} by one thread, {r['many']} by {threads} at once "
            f"({r['many'] / r['one']:.2f} x), {r['errors']} errors; a proof takes {r['proof_us']:.0f} us; {'met' if met else 'NOT MET'}")
