#!/usr/bin/env python3
"""What the manifests of deploy/ promise, read as the tools of others read them: every object of deploy/kubernetes/ and each service of
deploy/compose.yaml. Prints what was checked; exits 1 with what does not hold. `manifests.py kubernetes|compose|sbom`."""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KUBERNETES = os.path.join(ROOT, "deploy/kubernetes")


def ok(what):
    print(f"  ok  {what}")


def hold(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")


def objects():
    found = []
    with open(os.path.join(KUBERNETES, "kustomization.yaml"), encoding="utf-8") as file:
        kustomization = yaml.safe_load(file)
    for name in kustomization["resources"]:
        with open(os.path.join(KUBERNETES, name), encoding="utf-8") as file:
            found += list(yaml.safe_load_all(file))
    on_disk = {os.path.basename(path) for path in glob.glob(KUBERNETES + "/*.yaml")} - {"kustomization.yaml"}
    hold(on_disk == set(kustomization["resources"]), f"every manifest is a resource of the kustomization: {on_disk}")
    return kustomization, found


def of_kind(found, kind):
    return {each["metadata"]["name"]: each for each in found if each["kind"] == kind}


def check_pod_security(namespace, pod):
    """The Restricted level of the Pod Security Standards, rule by rule, and the namespace that enforces it."""
    labels = namespace["metadata"]["labels"]
    hold(labels.get("pod-security.kubernetes.io/enforce") == "restricted", "the namespace enforces it")
    context = pod["securityContext"]
    hold(context["runAsNonRoot"] is True and context["runAsUser"] > 0, "no root")
    hold(context["seccompProfile"]["type"] == "RuntimeDefault", "seccomp")
    for key in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
        hold(not pod.get(key), key)
    hold(pod["automountServiceAccountToken"] is False, "no credential of the cluster in the pod")
    for container in pod["initContainers"] + pod["containers"]:
        own = container["securityContext"]
        hold(own["allowPrivilegeEscalation"] is False, "no more rights by setuid")
        hold(own["capabilities"] == {"drop": ["ALL"]}, "no capability")
        hold(own["readOnlyRootFilesystem"] is True, "nothing to write but the volume")
        hold(not own.get("privileged"), "privileged")
        hold("memory" in container["resources"]["limits"] and "cpu" in container["resources"]["requests"], "resources")
        for port in container.get("ports", []):
            hold("hostPort" not in port, "a port of the host")
    hold(all(set(volume) <= {"name", "secret", "configMap", "emptyDir"} for volume in pod["volumes"]), "kinds of volumes")


def check_set(stateful):
    spec = stateful["spec"]
    pod = spec["template"]["spec"]
    hold(spec["replicas"] == 1, "one replica on SQLite")
    hold(spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}, "the volume stays")
    hold(spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items(), "its selector finds its pod")
    hold(pod["terminationGracePeriodSeconds"] >= 35, "longer than the server's own grace of 30 s")
    init, server = pod["initContainers"][0], pod["containers"][0]
    hold("--if-missing" in init["args"], "a second start makes nothing")
    folder = next(arg for arg in init["args"] if arg.startswith("--dir="))
    hold(folder in server["args"] and server["args"][0] == "serve", "served is what was made")
    mounts = {mount["name"]: mount["mountPath"] for mount in server["volumeMounts"]}
    claims = {claim["metadata"]["name"] for claim in spec["volumeClaimTemplates"]}
    hold(set(mounts) == claims | {volume["name"] for volume in pod["volumes"]}, "each mount has its volume")
    hold(folder.split("=")[1].startswith(mounts["data"] + "/"), "in a folder of its own: the volume's belongs to a group")
    ports = {port["name"]: port["containerPort"] for port in server["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        hold(server[probe]["httpGet"]["port"] in ports, f"{probe} asks a port that is there")
    hold(server["readinessProbe"]["httpGet"]["path"] == "/readyz", "ready is asked for readiness")
    hold(server["livenessProbe"]["httpGet"]["path"] == "/healthz", "and only life for the restart")
    hold(server["startupProbe"]["periodSeconds"] * server["startupProbe"]["failureThreshold"] >= 1800, "migrations have time")
    return pod, ports


def check_services(services, stateful, ports):
    labels = stateful["spec"]["template"]["metadata"]["labels"]
    hold(services[stateful["spec"]["serviceName"]]["spec"]["clusterIP"] == "None", "the set's own service is headless")
    for name, service in services.items():
        hold(service["spec"]["selector"].items() <= labels.items(), f"{name} finds the pod")
        hold(all(port["targetPort"] in ports for port in service["spec"]["ports"]), f"{name}'s ports are there")
    outside = [name for name, service in services.items() if service["spec"].get("type") in ("LoadBalancer", "NodePort")]
    hold(sorted(outside) == ["whorl-device", "whorl-public"], f"management is not reached from outside: {outside}")
    hold(all(services[name]["spec"]["externalTrafficPolicy"] == "Local" for name in outside), "addresses of devices are kept")


def check_policy(policy, stateful):
    labels = stateful["spec"]["template"]["metadata"]["labels"]
    hold(policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items(), "the policy is the pod's")
    hold(sorted(policy["spec"]["policyTypes"]) == ["Egress", "Ingress"], "both ways")
    for rule in policy["spec"]["ingress"]:
        names = {port["port"] for port in rule["ports"]}
        hold(("management" in names) == ("from" in rule), "management for those who are named, and for nobody else")


def check_secrets(kustomization, pod):
    files = kustomization["secretGenerator"][0]["files"]
    hidden = subprocess.run(["git", "check-ignore", *files], cwd=KUBERNETES, capture_output=True, text=True, check=False).stdout.split()
    hold(hidden == files, f"git leaves the secrets out: {hidden}")
    names = {os.path.basename(path) for path in files}
    mount = next(m["mountPath"] for m in pod["initContainers"][0]["volumeMounts"] if m["name"] == "secrets")
    asked = {os.path.basename(arg.split("=")[1]) for arg in pod["initContainers"][0]["args"] if f"={mount}/" in arg}
    hold(names == asked, f"what is made is what is read: {names} {asked}")
    with open(os.path.join(KUBERNETES, kustomization["configMapGenerator"][0]["envs"][0]), encoding="utf-8") as file:
        given = set(re.findall(r"^(\w+)=", file.read(), re.M))
    used = set(re.findall(r"\$\((\w+)\)", " ".join(pod["initContainers"][0]["args"])))
    hold(given == used, f"each name of installation.env is used: {given ^ used}")


def check_rendered(version):
    """What `kubectl kustomize` makes of it, where kubectl is installed: the namespace everywhere, the image with its version."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cp", "-r", KUBERNETES + "/.", folder], check=True)
        for name in ("ca_passphrase", "admin_token"):
            with open(os.path.join(folder, "secrets", name), "w", encoding="ascii") as file:
                file.write("x\n")
        made = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=True).stdout
    found = list(yaml.safe_load_all(made))
    hold(all(each["kind"] == "Namespace" or each["metadata"]["namespace"] == "whorl" for each in found), "one namespace")
    hold(sorted(of_kind(found, "Secret")) == ["whorl-secrets"], "the secrets")
    pod = of_kind(found, "StatefulSet")["whorl"]["spec"]["template"]["spec"]
    hold(all(each["image"].endswith(f"/whorl:{version}") for each in pod["containers"] + pod["initContainers"]), "the image's version")
    sources = of_kind(found, "NetworkPolicy")["whorl"]["spec"]["ingress"][1]["from"]
    hold(sources[0]["podSelector"]["matchLabels"] == {"whorl-management": "yes"}, "no label of ours is asked of callers")


def kubernetes(version):
    kustomization, found = objects()
    stateful = of_kind(found, "StatefulSet")["whorl"]
    pod, ports = check_set(stateful)
    check_pod_security(of_kind(found, "Namespace")["whorl"], pod)
    check_services(of_kind(found, "Service"), stateful, ports)
    check_policy(of_kind(found, "NetworkPolicy")["whorl"], stateful)
    check_secrets(kustomization, pod)
    hold(kustomization["images"][0]["newTag"] == version, "the version of the image")
    ok("kubernetes: one replica, probes, restricted pod, services, policy, secrets")
    if subprocess.run(["sh", "-c", "command -v kubectl"], capture_output=True, check=False).returncode == 0:
        check_rendered(version)
        ok("kubernetes: as kubectl renders it")


def compose(_):
    with open(os.path.join(ROOT, "deploy/compose.yaml"), encoding="utf-8") as file:
        made = yaml.safe_load(file)
    init, server = made["services"]["init"], made["services"]["whorl"]
    for service in (init, server):
        hold(service["read_only"] is True and service["cap_drop"] == ["ALL"], "a read-only root, no capability")
        hold("no-new-privileges:true" in service["security_opt"], "no new rights")
        hold(sorted(service["secrets"]) == sorted(made["secrets"]), "its secrets")
    hold("--if-missing" in init["command"] and init["restart"] == "no", "init makes one, once")
    hold(server["depends_on"]["init"]["condition"] == "service_completed_successfully", "the server waits for it")
    hold(server["restart"] == "unless-stopped", "it comes back")
    hold([port for port in server["ports"] if "9443" in port] == ["127.0.0.1:9443:9443"], "management on loopback only")
    asked = {arg.rsplit("/", 1)[1] for arg in init["command"] if "=/run/secrets/" in arg}
    hold(asked == set(made["secrets"]), f"what is declared is what is read: {asked}")
    wanted = set(re.findall(r"\$\{(\w+)", " ".join(init["command"])))
    with open(os.path.join(ROOT, "deploy/env.example"), encoding="utf-8") as file:
        given = set(re.findall(r"^(\w+)=", file.read(), re.M))
    hold(wanted == given, f"env.example names each: {wanted ^ given}")
    hidden = subprocess.run(
        ["git", "check-ignore", "deploy/.env", *("deploy/" + each["file"] for each in made["secrets"].values())],
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout.split()
    hold(len(hidden) == 1 + len(made["secrets"]), f"git leaves the secrets out: {hidden}")
    ok("compose: init once, a server that comes back, management on loopback, secrets by file")


STATUS = """Package: libfirst
Status: install ok installed
Maintainer: Some One <some@one.example>
Architecture: amd64
Source: first-source (1.0)
Version: 1:2.0+b1
Depends: libsecond (>= 1), libgone | virtual
Description: the first
 Depends: not-a-field

Package: libsecond
Status: install ok installed
Architecture: all
Version: 3~rc1
Provides: virtual (= 1)

Package: libgone
Status: deinstall ok config-files
Architecture: amd64
Version: 9
"""


def sbom(version):
    script = os.path.join(ROOT, "deploy/sbom.py")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("status", STATUS), ("os", 'ID=debian\nVERSION_ID="13"\n'), ("direct", "libfirst\n")):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        command = [sys.executable, "-B", script, "status", "os", version, "direct"]
        environment = dict(os.environ, SOURCE_DATE_EPOCH="1700000000")
        texts = {subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout for _ in range(2)}
    hold(len(texts) == 1, "the same input, the same bytes")
    bill = json.loads(texts.pop())
    first, second = "pkg:deb/debian/libfirst@1%3A2.0%2Bb1?arch=amd64&distro=debian-13", "pkg:deb/debian/libsecond@3~rc1?arch=all&distro=debian-13"
    hold([each["bom-ref"] for each in bill["components"]] == ["os", first, second], "installed packages and no others")
    edges = {edge["ref"]: edge["dependsOn"] for edge in bill["dependencies"]}
    hold(edges == {"whorl": [first, "os"], first: [second], second: []}, f"who depends on whom: {edges}")
    hold(bill["metadata"]["component"]["version"] == version and bill["metadata"]["timestamp"] == "2023-11-14T22:13:20Z", "ours, and when")
    hold(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", bill["serialNumber"]), "a serial number")
    ok("sbom: what dpkg has installed, by purl, with its dependencies, the same each time")


if __name__ == "__main__":
    {"kubernetes": kubernetes, "compose": compose, "sbom": sbom}[sys.argv[1]](sys.argv[2])
