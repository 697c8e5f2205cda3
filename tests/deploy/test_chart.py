"""The chart as both Helms render it: valid, restricted, closed by default, and in the words of the program's own settings."""

import base64
import functools
import os
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from service import settings
from tests.deploy.chart_readme import README, readme, rows

CHART = Path(__file__).parents[2] / "helm" / "recast"
VALUES = sorted(Path(__file__).with_name("values").glob("*.yaml"))

Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]

KUBERNETES = ["1.28.0", "1.33.0", "1.37.0"]
CUSTOM = {"HTTPRoute", "ScaledObject", "ServiceMonitor"}  # their schemas come with their operators, not with Kubernetes
WORKLOADS = {"Deployment", "StatefulSet", "Pod"}


@pytest.fixture(scope="session", params=["helm4", "helm3"])
def helm(request: pytest.FixtureRequest) -> Path:
    """One Helm after the other."""
    directory = os.environ.get("RECAST_TEST_HELM")
    if directory is None:
        pytest.skip("no Helm: .ci/deploy fetches it and sets RECAST_TEST_HELM")
    return Path(directory, request.param)


@pytest.fixture(scope="session")
def render(helm: Path) -> Render:
    """Render the chart as release `recast` and parse it; ``settings`` are arguments of `--set-json`."""

    @functools.cache
    def rendered(values: Path | None = None, **settings: str) -> list[Manifest]:
        arguments = ["--values", str(values)] if values else []
        arguments += [f"--set-json={name.replace('__', '.')}={value}" for name, value in settings.items()]
        run = subprocess.run(
            [helm, "template", "recast", CHART, "--namespace", "documents", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            raise ValueError(run.stderr)
        return [manifest for manifest in yaml.safe_load_all(run.stdout) if manifest]

    return rendered


@pytest.fixture(params=VALUES, ids=lambda path: path.stem)
def values(request: pytest.FixtureRequest) -> Path:
    """One values file after the other."""
    path: Path = request.param
    return path


def one(manifests: list[Manifest], *kinds: str) -> Manifest:
    """Return the only manifest of these kinds."""
    (found,) = [manifest for manifest in manifests if manifest["kind"] in kinds]
    return found


def pods(manifests: list[Manifest]) -> list[Manifest]:
    """Return the spec of every pod."""
    templates = [manifest["spec"].get("template", manifest) for manifest in manifests if manifest["kind"] in WORKLOADS]
    return [template["spec"] for template in templates]


def container(manifests: list[Manifest], name: str) -> Manifest:
    """Return one container of the workload."""
    spec = one(manifests, "Deployment", "StatefulSet")["spec"]["template"]["spec"]
    found: Manifest = next(each for each in spec["containers"] if each["name"] == name)
    return found


def environment(of: Manifest) -> dict[str, Any]:
    """Return a container's environment; what a reference fills in is None."""
    return {variable["name"]: variable.get("value") for variable in of["env"]}


def test_lint(helm: Path, values: Path) -> None:
    """`helm lint --strict` has nothing to say."""
    run = subprocess.run(
        [helm, "lint", "--strict", CHART, "--values", values], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout


def test_kubernetes_accepts(render: Render, values: Path) -> None:
    """Every manifest is valid in the oldest, a middle and the newest Kubernetes that are supported."""
    manifests = [manifest for manifest in render(values) if manifest["kind"] not in CUSTOM]
    for manifest in manifests:
        for version in KUBERNETES:
            kubernetes_validate.validate(manifest, version, strict=True)
    assert len(manifests) >= 4


def test_restricted(render: Render, values: Path) -> None:
    """Every pod, the test's too, passes the restricted Pod Security Standard and has a read-only root and limits."""
    for pod in pods(render(values)):
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(pod)
        kinds = {kind for volume in pod.get("volumes", []) for kind in volume if kind != "name"}
        assert kinds <= {"configMap", "emptyDir", "secret", "persistentVolumeClaim"}
        for each in pod["containers"]:
            security = each["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["runAsUser"] > 0
            assert security["readOnlyRootFilesystem"]
            assert each["resources"]["limits"]["memory"]
            assert all("hostPort" not in port for port in each.get("ports", []))


def test_no_token_no_service_links(render: Render, values: Path) -> None:
    """No pod gets a token of the API server, nor `RECAST_PORT=tcp://…` from a Service of our name."""
    for pod in pods(render(values)):
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False


def test_settings_are_the_programs(render: Render, values: Path) -> None:
    """What the chart puts into the environment is read by the program without complaint, with the values given."""
    manifests = render(values)
    for each in one(manifests, "Deployment", "StatefulSet")["spec"]["template"]["spec"]["containers"]:
        environ = {name: value or "from-a-reference" for name, value in environment(each).items()}
        if "RECAST_API_KEYS" in environ:  # a file of the Secret's volume
            environ["RECAST_API_KEYS"] = "not-a-real-key"
        read = settings.read(environ)
        given = yaml.safe_load(values.read_text()).get("settings", {})
        assert {name: getattr(read, _snake(name)) for name in given} == given


def test_grace_period_exceeds_the_longest_request(render: Render, values: Path) -> None:
    """A pod that is stopped may take its pause, the longest wait and the longest run, and still be tidy."""
    manifests = render(values)
    environ = environment(container(manifests, "service"))
    longest = float(environ["RECAST_QUEUE_SECONDS"]) + float(environ["RECAST_RUN_SECONDS"])
    spec = one(manifests, "Deployment", "StatefulSet")["spec"]["template"]["spec"]
    assert float(environ["RECAST_GRACE_SECONDS"]) >= longest
    assert spec["terminationGracePeriodSeconds"] > longest + 5


def test_everything_selects_the_pods(render: Render, values: Path) -> None:
    """Service, disruption budget, policy and monitor select what the workload's pods are labelled; the test pod is not among them."""
    manifests = render(values)
    labels = one(manifests, "Deployment", "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    selectors = [one(manifests, "Service")["spec"]["selector"]]
    selectors += [m["spec"]["selector"]["matchLabels"] for m in manifests if m["kind"] == "PodDisruptionBudget"]
    selectors += [m["spec"]["podSelector"]["matchLabels"] for m in manifests if m["kind"] == "NetworkPolicy"]
    tested = one(manifests, "Pod")["metadata"]["labels"]
    for selector in selectors:
        assert selector.items() <= labels.items()
        assert not selector.items() <= tested.items()


def test_probes_ask_ports_that_are_there(render: Render, values: Path) -> None:
    """Each HTTP probe and each Service port names a port of its container."""
    manifests = render(values)
    containers = one(manifests, "Deployment", "StatefulSet")["spec"]["template"]["spec"]["containers"]
    ports = {port["name"] for each in containers for port in each.get("ports", [])}
    asked = {
        each[probe]["httpGet"]["port"]
        for each in containers
        for probe in ("startupProbe", "readinessProbe", "livenessProbe")
        if "httpGet" in each.get(probe, {})
    }
    assert asked == {"http"}
    assert {port["targetPort"] for port in one(manifests, "Service")["spec"]["ports"]} == ports


def test_engine_is_on_loopback_unless_exposed(render: Render) -> None:
    """By default nobody but its own converter reaches the engine; exposed, it wants the same keys."""
    inside, outside = render(), render(engine__expose="true")
    assert environment(container(inside, "engine"))["RECAST_HOST"] == "127.0.0.1"
    assert [port["name"] for port in one(inside, "Service")["spec"]["ports"]] == ["http"]
    exposed = environment(container(outside, "engine"))
    assert exposed["RECAST_HOST"] == "0.0.0.0"  # noqa: S104 - what is asserted
    assert exposed["RECAST_API_KEYS"] == environment(container(outside, "service"))["RECAST_API_KEYS"]


def test_network_is_denied_by_default(render: Render) -> None:
    """Nothing is let out until a model's endpoint is named; then that and the cluster's DNS."""
    assert one(render(), "NetworkPolicy")["spec"]["egress"] == []
    endpoint = '[{"to":[{"ipBlock":{"cidr":"192.0.2.1/32"}}]}]'
    rules = one(render(networkPolicy__egress=endpoint), "NetworkPolicy")["spec"]["egress"]
    assert [port["port"] for port in rules[0]["ports"]] == [53, 53]
    assert rules[1:] == [{"to": [{"ipBlock": {"cidr": "192.0.2.1/32"}}]}]


def test_a_key_is_made_when_none_is_given(render: Render) -> None:
    """A plain install is closed: a random key of 40 characters, another for every release."""
    renders = render(), render(replicas="3")
    made = [base64.b64decode(one(manifests, "Secret")["data"]["api-keys"]) for manifests in renders]
    assert [len(key) for key in made] == [40, 40]
    assert made[0] != made[1]
    assert environment(container(render(), "service"))["RECAST_API_KEYS"] == "/etc/recast/keys/api-keys"


def test_keys_roll_the_pods_and_recipes_do_not(render: Render) -> None:
    """Keys are read at start, so new ones need new pods; recipes are read again while the service runs."""
    key, recipe = '["not-a-real-key-0123456789"]', '{"own.toml": "version = \\"1\\""}'
    one_recipe, another = (render(recipes=recipe.replace("1", version)) for version in ("1", "2"))
    assert one(one_recipe, "Deployment") == one(another, "Deployment")
    assert one(one_recipe, "ConfigMap") != one(another, "ConfigMap")
    assert one(render(keys__list=key), "Deployment") != one(render(), "Deployment")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"settings__runSecond": "5"}, "runSecond"),
        ({"replicas": '"two"'}, "replicas"),
        ({"keys__list": '["short"]'}, "keys"),
        ({"settings__log": '"loud"'}, "log"),
        ({"engine__minIsolation": '"none"'}, "minIsolation"),
        ({"keys__open": "true", "keys__existingSecret": '"callers"'}, "contradict"),
        ({"engine__enabled": "false"}, "engine.url"),
        ({"autoscaling__enabled": "true", "keda__enabled": "true"}, "enable one"),
        ({"keda__enabled": "true"}, "keda.prometheus"),
        ({"httpRoute__enabled": "true"}, "parentRefs"),
        ({"model__url": '"http://vllm:8000/v1"'}, "model.name"),
    ],
)
def test_nonsense_is_refused(render: Render, given: dict[str, str], reason: str) -> None:
    """Values that the schema does not know, or that contradict each other, stop the install and are named."""
    with pytest.raises(ValueError, match=reason):
        render(**given)


def test_old_kubernetes_is_refused(helm: Path) -> None:
    """Below the oldest version that is tested, Helm itself says no."""
    run = subprocess.run(
        [helm, "template", CHART, "--kube-version=1.26.0"], capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert "kubeVersion" in run.stderr


def test_examples_route_to_the_exposed_engine(render: Render) -> None:
    """The examples name the Service and the port that the release `recast` has with an exposed engine."""
    ports = {port["port"] for port in one(render(engine__expose="true"), "Service")["spec"]["ports"]}
    examples = sorted((CHART / "examples").glob("*.yaml"))
    for example in examples:
        text = example.read_text()
        for manifest in yaml.safe_load_all(text):
            assert manifest["metadata"]["name"].startswith("recast")
        assert "x-recast-session" in text.lower()
        assert any(f"{port}" in text for port in ports - {80})
    assert len(examples) == 3


def test_readme_is_generated() -> None:
    """The README's table of values is what `chart_readme.py` makes of values.yaml."""
    assert readme() == README.read_text()


def test_values_are_explained() -> None:
    """Every value stands with a reason, and all of them fit on three screens."""
    text = (CHART / "values.yaml").read_text()
    about = {name: reason for name, _, reason in rows(text)}
    ancestors = {name: [name.rsplit(".", depth)[0] for depth in range(name.count(".") + 1)] for name in about}
    assert [name for name in about if not any(about.get(ancestor) for ancestor in ancestors[name])] == []
    assert len(text.splitlines()) <= 150


def test_one_version() -> None:
    """The chart installs the version of the program it lies beside."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((CHART.parents[1] / "pyproject.toml").read_text())["project"]
    assert chart["appVersion"] == project["version"]


def test_there_are_enough_values_files() -> None:
    """Each way to install has a values file here."""
    assert {path.stem for path in VALUES} >= {"default", "open", "vendor", "model", "exposed", "gateway"}


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
