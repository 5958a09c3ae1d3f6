package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class BrokerOptionsTest {

  @Test
  void shouldRefuseWhatIsOutOfRange() {
    BrokerOptions options = new BrokerOptions();
    refused(() -> options.setBrokerName("not allowed!"));
    refused(() -> options.setBrokerName(""));
    refused(() -> options.setCluster(" "));
    refused(() -> options.setBrokerId(-1));
    refused(() -> options.setAdvertisedAddress("nohost"));
    refused(() -> options.setDefaultQueues(0));
    refused(() -> options.setMaxMessageBytes(0));
    refused(() -> options.setMaxWaitingReceives(0));
    refused(() -> options.setMaxUnsettledPerQueue(0));
    refused(() -> options.setMaxParkedBytes(-1));
    refused(() -> options.setSnapshotInterval(Duration.ZERO));
    refused(() -> options.setRegisterInterval(Duration.ofSeconds(61)));
  }

  @Test
  void shouldCopyEverything() {
    BrokerOptions options =
        new BrokerOptions()
            .setBrokerName("b")
            .setDirectory(Path.of("data"))
            .setDefaultQueues(3)
            .setMaxMessageBytes(5);
    BrokerOptions copy = new BrokerOptions(options);
    options.setDefaultQueues(4).setDirectory(Path.of("elsewhere"));
    assertEquals("b", copy.getBrokerName());
    assertEquals(Path.of("data"), copy.getDirectory());
    assertEquals(3, copy.getDefaultQueues());
    assertEquals(5, copy.getMaxMessageBytes());
  }

  private static void refused(Runnable setter) {
    assertThrows(IllegalArgumentException.class, setter::run);
  }
}
