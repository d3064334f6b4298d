"""What the signer process adds to a certificate (tests/bench/signer.c), and whether several threads that ask it gain by it."""
import json
import subprocess

ADDED_US_MAX = 60


def bench_signer(build, work, threads, count=4000):
    print('Signer process', flush=True)
    run = subprocess.run([f'{build}/bench/signer', f'{work}/signer-keys', str(threads), str(count)], capture_output=True, text=True)
    if not run.stdout:
        return f'Signer process: {run.stderr.strip()}'
    r = json.loads(run.stdout)
    added, added_cpu = r['one_us'] - r['inside_us'], r['one_cpu_us'] - r['inside_cpu_us']
    busy = r['many_cpu_us'] - r['inside_many_cpu_us']  # while every CPU has work, waking another one is no part of it
    met = r['errors'] == 0 and added < ADDED_US_MAX
    return (f"A certificate by the signer process: {r['one_us']:.0f} us, {added:.0f} us more than inside ({ADDED_US_MAX} at most), CPU of both "
            f"{added_cpu:+.0f} us; by {threads} threads at once {1e6 / r['many_us']:.0f} a second (inside {1e6 / r['inside_many_us']:.0f}, CPU {busy:+.0f} us), by one {1e6 / r['one_us']:.0f}; "
            f"{r['errors']} errors; {'met' if met else 'NOT MET'}")
