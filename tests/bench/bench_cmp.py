"""What an enrolment by CMP costs beside one by EST, both over kept connections by OpenSSL's own client (tests/bench/cmp.c)."""
import json
import os
import statistics
import subprocess

RATIO_MAX = 1.6
EACH = 10  # enrolments of a device: many certificates of one device make its next one dearer


def bench_cmp(build, server, work, count, row):
    print('CMP beside EST', flush=True)
    tool = f'{build}/bench/cmp'

    def cost(mode):
        """CPU of an enrolment, by devices that nobody has used yet."""
        keys = os.path.join(work, 'cmp-keys')
        devices = count if mode == 'confirm' else max(1, count // EACH)
        ids = subprocess.run([tool, 'keys', str(devices), keys], capture_output=True, text=True, check=True).stdout.split()
        server.api('POST', '/api/v1/batches', json.dumps({'devices': ids}).encode())
        out = subprocess.run([tool, 'cost', server.device, server.ca, keys, mode, str(EACH), str(server.process.pid)], capture_output=True,
                             text=True, check=True).stdout
        return json.loads(out)['us']
    runs = [[cost(mode) for mode in ('est', 'implicit', 'confirm')] for _ in range(5)]
    est, implicit, confirm = [statistics.median(run[i] for run in runs) for i in range(3)]
    row('(l) CMP ir over a kept connection, implicitConfirm', implicit, est, RATIO_MAX, 'against simpleenroll over a kept connection')
    row('    the same with certConf, which is the first use', confirm, est)
