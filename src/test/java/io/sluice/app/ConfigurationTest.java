package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigurationTest {

  @TempDir Path directory;

  @Test
  void shouldReadEveryDefaultOfTheTable() {
    Configuration defaults = Configuration.defaults();

    assertEquals(8080, defaults.integer(ConfigTable.HTTP_PORT));
    assertEquals(9876, defaults.integer(ConfigTable.NAMESERVER_PORT));
    assertEquals(10_911, defaults.integer(ConfigTable.BROKER_PORT));
    assertEquals("./data", defaults.text(ConfigTable.DATA));
    assertEquals(128 << 20, defaults.number(ConfigTable.STORE_SEGMENT));
  }

  @Test
  void shouldPreferFlagsToEnvironmentToFileToDefaults() throws IOException {
    Path file = file("http:\n  port: 1\nnameserver: {port: 1}\nbroker:\n  port: 1\n");
    Configuration configuration =
        ConfigSources.load(
            file,
            Map.of("SLUICE_NAMESERVER_PORT", "2", "SLUICE_BROKER_PORT", "2"),
            Map.of(ConfigTable.BROKER_PORT, "3"));

    assertEquals(1, configuration.integer(ConfigTable.HTTP_PORT));
    assertEquals(2, configuration.integer(ConfigTable.NAMESERVER_PORT));
    assertEquals(3, configuration.integer(ConfigTable.BROKER_PORT));
    String description = configuration.describe();
    assertTrue(description.contains("http.port=1 (" + file + ":2)"), description);
    assertTrue(
        description.contains("nameserver.port=2 (environment SLUICE_NAMESERVER_PORT)"),
        description);
    assertTrue(description.contains("broker.port=3 (flag --broker-port)"), description);
  }

  @Test
  void shouldNameEveryMistakeItsPlaceAndTheNearestRightOne() throws IOException {
    Path file = file("http:\n  prot: 8081\nack: dsik\nstore:\n  segment: 12q\n");

    ConfigException mistakes =
        assertThrows(ConfigException.class, () -> ConfigSources.load(file, Map.of(), Map.of()));

    assertEquals(
        List.of(
            file + ":2: there is no key 'http.prot'; did you mean 'http.port'?",
            file + ":3: ack: found 'dsik', allowed is memory, disk, replicated; did you mean disk?",
            file
                + ":5: store.segment: found '12q', allowed is a number of bytes with k, m, g or t,"
                + " such as 128m"),
        mistakes.mistakes());
  }

  @Test
  void shouldRefuseAValueOutsideOfItsRange() {
    ConfigException mistakes =
        assertThrows(
            ConfigException.class,
            () -> ConfigSources.load(null, Map.of("SLUICE_HTTP_PORT", "70000"), Map.of()));

    assertEquals(
        "environment SLUICE_HTTP_PORT: http.port: found '70000', allowed is 0 to 65535; the highest"
            + " is nearest",
        mistakes.getMessage());
  }

  @Test
  void shouldRefuseAVariableThatIsNoKey() {
    ConfigException mistakes =
        assertThrows(
            ConfigException.class,
            () -> ConfigSources.load(null, Map.of("SLUICE_HTTP_PROT", "1"), Map.of()));

    assertEquals(
        "environment: there is no key for 'SLUICE_HTTP_PROT'; did you mean 'SLUICE_HTTP_PORT'?",
        mistakes.getMessage());
  }

  @Test
  void shouldOverlookWhatKubernetesSetsForAServiceOfTheSameName() {
    ConfigSources.load(
        null,
        Map.of(
            "KUBERNETES_SERVICE_HOST", "10.0.0.1",
            "SLUICE_PORT", "tcp://10.0.0.2:8080",
            "SLUICE_SERVICE_HOST", "10.0.0.2"),
        Map.of());
  }

  @Test
  void shouldRefuseWhatIsNotYamlOrNotAMap() throws IOException {
    for (String text : List.of("http: [1\n", "- 1\n", "http:\n  - port\n", "data: a\ndata: b\n")) {
      Path file = file(text);
      ConfigException mistakes =
          assertThrows(
              ConfigException.class, () -> ConfigSources.load(file, Map.of(), Map.of()), text);
      assertTrue(mistakes.getMessage().startsWith(file + ":"), mistakes.getMessage());
    }
  }

  @Test
  void shouldTakeTheFileThatShipsWithTheProject() {
    ConfigSources.load(ConfigSources.DEFAULT_FILE, Map.of(), Map.of());
  }

  @Test
  void shouldGiveEachKeyAFlagAndAVariableOfItsOwn() {
    Set<String> names = new HashSet<>();
    for (ConfigKey key : ConfigTable.KEYS) {
      assertTrue(names.add(key.flag()), key.flag());
      assertTrue(names.add(key.variable()), key.variable());
      assertTrue(key.sentence().endsWith("."), key.sentence());
    }
  }

  @Test
  void shouldKeepTheKeysOfASectionTogether() {
    Set<String> closed = new HashSet<>();
    String current = "";
    for (ConfigKey key : ConfigTable.KEYS) {
      String section = key.name().replaceFirst("\\..*", "");
      if (!section.equals(current)) {
        assertTrue(closed.add(section), section + " stands in two places");
        current = section;
      }
    }
  }

  private Path file(String text) throws IOException {
    return Files.writeString(directory.resolve("sluice.yaml"), text);
  }
}
