package io.sluice.cluster;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.HexFormat;
import javax.net.ssl.X509TrustManager;
import org.junit.jupiter.api.Test;

class ClusterTlsTest {

  @Test
  void shouldDeriveTheKeyThatRfc8032Names() throws Exception {
    // RFC 8032, 7.1, test 1: the same with every JDK, or members could not talk to each other.
    byte[] seed =
        HexFormat.of().parseHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    byte[] encoded = ClusterTls.keyPair(seed).getPublic().getEncoded();
    assertArrayEquals(
        HexFormat.of().parseHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
        Arrays.copyOfRange(encoded, encoded.length - 32, encoded.length));
  }

  @Test
  void shouldMakeTheSameCertificateInEachProcess() throws Exception {
    X509Certificate one = certificate("a secret of some length");
    X509Certificate two = certificate("a secret of some length");
    assertEquals(one, two);
    one.verify(one.getPublicKey());
    one.checkValidity();
  }

  @Test
  void shouldTakeItsOwnCertificateAndNoOther() throws Exception {
    X509TrustManager trust = (X509TrustManager) tls("a secret of some length").trust()[0];
    X509Certificate[] ours = {certificate("a secret of some length")};
    X509Certificate[] theirs = {certificate("another secret of some length")};
    trust.checkClientTrusted(ours, "EdDSA");
    trust.checkServerTrusted(ours, "EdDSA");
    assertThrows(CertificateException.class, () -> trust.checkClientTrusted(theirs, "EdDSA"));
    assertThrows(CertificateException.class, () -> trust.checkServerTrusted(theirs, "EdDSA"));
  }

  @Test
  void shouldRefuseAShortSecret() {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> tls("short"));
    assertTrue(refused.getMessage().contains("16"), refused.getMessage());
  }

  private static X509Certificate certificate(String secret) throws Exception {
    return tls(secret).certificate();
  }

  private static ClusterTls tls(String secret) throws Exception {
    return new ClusterTls(new ClusterOptions().setSecret(secret));
  }
}
