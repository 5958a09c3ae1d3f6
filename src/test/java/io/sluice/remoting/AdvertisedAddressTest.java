package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;

/** What the start says about an address that clients may not reach. */
class AdvertisedAddressTest {

  private record FakeMachine(String resolvesTo, String interfaceName, boolean isContainer)
      implements AdvertisedAddress.Machine {

    @Override
    public InetAddress[] lookUp(String name) throws UnknownHostException {
      if (resolvesTo == null) {
        throw new UnknownHostException(name);
      }
      return new InetAddress[] {InetAddress.getByName(resolvesTo)};
    }

    @Override
    public String interfaceOf(InetAddress address) {
      return interfaceName;
    }
  }

  @Test
  void shouldBeContentWithAnAddressOfTheNetwork() {
    assertEquals("", warning("10.0.0.5", "0.0.0.0", new FakeMachine("10.0.0.5", "eth0", false)));
    assertEquals("", warning("127.0.0.1", "127.0.0.1", new FakeMachine("127.0.0.1", "lo", false)));
  }

  @Test
  void shouldWarnOfLoopbackWhileListeningOnAll() {
    warns("only those on this machine", "127.0.0.1", new FakeMachine("127.0.0.1", "lo", false));
  }

  @Test
  void shouldWarnOfANameThatIsLoopbackHere() {
    String warning = warning("mybox", "10.0.0.5", new FakeMachine("127.0.1.1", "lo", false));
    assertTrue(warning.contains("127.0.1.1 here"), warning);
  }

  @Test
  void shouldWarnOfANameThatIsNotKnown() {
    warns("can not be resolved", "broker.example", new FakeMachine(null, null, false));
  }

  @Test
  void shouldWarnOfAnAddressOfContainers() {
    warns("docker0", "172.17.0.1", new FakeMachine("172.17.0.1", "docker0", false));
    warns("of this container", "172.17.0.2", new FakeMachine("172.17.0.2", "eth0", true));
    warns("container's name", "0123456789ab", new FakeMachine("172.17.0.2", null, true));
  }

  @Test
  void shouldNameAnIpv4AddressInMessageIds() throws UnknownHostException {
    AdvertisedAddress advertised =
        AdvertisedAddress.resolve("v6", "0.0.0.0", new FakeMachine("fd00::1", "eth0", false));
    assertEquals(InetAddress.getByName("127.0.0.1"), advertised.forIds());
    assertTrue(advertised.warnings().get(0).contains("no IPv4 address"));
  }

  private static void warns(String part, String host, AdvertisedAddress.Machine machine) {
    String warning = warning(host, "0.0.0.0", machine);
    assertTrue(warning.contains(part), warning);
    assertTrue(warning.contains("--advertise"), warning);
  }

  private static String warning(
      String host, String listeningHost, AdvertisedAddress.Machine machine) {
    return String.join(" ", AdvertisedAddress.resolve(host, listeningHost, machine).warnings());
  }
}
