package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** The manifest in docs/operations.md says what the code does: keys, ports, names and probes. */
class KubernetesExampleTest {

  private static final String POD = "sluice-1";
  private static final String POD_ADDRESS = "10.1.2.3";
  private static final String SECRET = "a-secret-of-32-characters-length";

  private final Map<String, Object> service;
  private final Map<String, Object> set;
  private final SluiceOptions options;

  KubernetesExampleTest() throws Exception {
    String document = Files.readString(Path.of("docs/operations.md"));
    String manifest = document.split("```yaml\n")[1].split("```")[0];
    List<Map<String, Object>> parts = new ArrayList<>();
    for (Object part : new Load(LoadSettings.builder().build()).loadAllFromString(manifest)) {
      parts.add(map(part));
    }
    service = parts.get(0);
    set = parts.get(1);
    options = new SluiceOptions(ConfigSources.load(null, environment(), Map.of()));
  }

  @Test
  void shouldFindThePodsByTheServicesName() {
    Map<String, Object> metadata = map(service.get("metadata"));
    String name = metadata.get("name") + "." + metadata.get("namespace") + ".svc.cluster.local";
    assertEquals("dns:" + name, options.cluster().getHosts());
    assertEquals(POD_ADDRESS, options.cluster().getHost());
    assertEquals(SECRET, options.cluster().getSecret());
    assertEquals(POD + "." + name, options.advertisedHost());
    assertEquals(POD, options.brokerName());
    assertEquals(metadata.get("name"), at(set, "spec", "serviceName"));
    assertEquals(at(service, "spec", "selector"), at(set, "spec", "selector", "matchLabels"));
    assertEquals(
        at(service, "spec", "selector"), at(set, "spec", "template", "metadata", "labels"));
  }

  @Test
  void shouldNameThePortsOfTheCode() {
    Map<String, Object> ports = new HashMap<>();
    for (Object port : (List<?>) at(service, "spec", "ports")) {
      ports.put((String) map(port).get("name"), map(port).get("port"));
    }
    int membership = options.cluster().getPort();
    assertEquals(
        Map.of(
            "http",
            options.httpPort(),
            "nameserver",
            options.nameServerPort(),
            "broker",
            options.brokerPort(),
            "membership",
            membership,
            "event-bus",
            membership + 1,
            "liveness",
            membership + 2),
        ports);
    assertEquals(options.httpPort(), at(container(), "readinessProbe", "httpGet", "port"));
    assertEquals("/health/ready", at(container(), "readinessProbe", "httpGet", "path"));
    assertEquals("/health/live", at(container(), "livenessProbe", "httpGet", "path"));
  }

  @Test
  void shouldGiveThePodTimeToLeave() {
    int seconds = (Integer) at(set, "spec", "template", "spec", "terminationGracePeriodSeconds");
    // As the table of signals says: the process ends by itself in this time.
    long longest = options.drainGrace().plus(options.drainTimeout()).toSeconds() + 10;
    assertTrue(seconds >= longest, seconds + " s, but it may take " + longest + " s");
  }

  private Map<String, Object> container() {
    return map(((List<?>) at(set, "spec", "template", "spec", "containers")).get(0));
  }

  /** The container's environment as Kubernetes makes it, with what it adds for a service. */
  private Map<String, String> environment() {
    Map<String, String> samples =
        Map.of("metadata.name", POD, "status.podIP", POD_ADDRESS, "secret", SECRET);
    Map<String, String> environment = new HashMap<>();
    environment.put("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    environment.put("SLUICE_SERVICE_HOST", "10.0.0.2");
    for (Object entry : (List<?>) container().get("env")) {
      Map<String, Object> variable = map(entry);
      String value = (String) variable.get("value");
      if (value == null) {
        Map<String, Object> from = map(variable.get("valueFrom"));
        Map<String, Object> source = map(from.values().iterator().next());
        value = samples.get(source.getOrDefault("fieldPath", source.get("key")));
      }
      environment.put((String) variable.get("name"), value.replace("$(POD_NAME)", POD));
    }
    return environment;
  }

  private static Object at(Map<String, Object> from, String... path) {
    Object found = from;
    for (String name : path) {
      found = map(found).get(name);
    }
    return found;
  }

  @SuppressWarnings("unchecked") // keys of the manifest are texts
  private static Map<String, Object> map(Object value) {
    return (Map<String, Object>) value;
  }
}
