package io.sluice.cluster;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.PfxOptions;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.NamedParameterSpec;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.jgroups.util.DefaultSocketFactory;
import org.jgroups.util.SocketFactory;

/**
 * TLS for the ports of the cluster, made of its secret alone: from the secret each process derives
 * the same Ed25519 key and makes a certificate of it; each shows that certificate, as client and as
 * server, and takes no other. Whoever does not know the secret does not have the key, can not
 * finish a handshake, and so is neither heard nor told anything.
 *
 * <p>The key is stretched by PBKDF2, since the certificate is shown to whoever connects and a weak
 * secret could be guessed from it at leisure. It still should be long and random.
 */
public final class ClusterTls {

  /** OWASP's recommendation of 2023 for PBKDF2 with HMAC-SHA-512; some 0.2 s at the start. */
  private static final int ITERATIONS = 210_000;

  private static final int SEED_BYTES = 32;
  private static final int MIN_SECRET = 16;
  private static final String ALIAS = "cluster";

  /** Java's stores must have one; this one is never written anywhere. */
  static final String PASSWORD = "cluster";

  static final String PROTOCOL = "TLSv1.3";

  private final KeyStore store;

  /**
   * Derives key and certificate. Takes a part of a second.
   *
   * @throws IllegalArgumentException if the secret is too short
   */
  public ClusterTls(ClusterOptions options) throws GeneralSecurityException {
    if (options.getSecret().length() < MIN_SECRET) {
      throw new IllegalArgumentException(
          "cluster.secret has "
              + options.getSecret().length()
              + " characters; "
              + MIN_SECRET
              + " or more are needed, best at random (openssl rand -base64 32)");
    }
    KeyPair pair = keyPair(seed(options));
    store = KeyStore.getInstance("PKCS12");
    try {
      store.load(null, null);
    } catch (IOException e) {
      throw new IllegalStateException("an empty store can not fail to be read", e);
    }
    store.setKeyEntry(
        ALIAS,
        pair.getPrivate(),
        PASSWORD.toCharArray(),
        new X509Certificate[] {certificate(pair)});
  }

  private static byte[] seed(ClusterOptions options) throws GeneralSecurityException {
    byte[] salt = ("sluice cluster " + options.getName()).getBytes(StandardCharsets.UTF_8);
    PBEKeySpec spec =
        new PBEKeySpec(options.getSecret().toCharArray(), salt, ITERATIONS, SEED_BYTES * 8);
    return SecretKeyFactory.getInstance("PBKDF2WithHmacSHA512").generateSecret(spec).getEncoded();
  }

  /** The key whose seed (RFC 8032, 5.1.5) is given; the same with every JDK. */
  static KeyPair keyPair(byte[] seed) throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("Ed25519");
    generator.initialize(NamedParameterSpec.ED25519, new FixedRandom(seed));
    return generator.generateKeyPair();
  }

  /** The smallest certificate there is (RFC 5280, version 1), signed by itself. */
  private static X509Certificate certificate(KeyPair pair) throws GeneralSecurityException {
    byte[] algorithm = der(0x30, new byte[] {0x06, 0x03, 0x2b, 0x65, 0x70});
    byte[] commonName = {0x06, 0x03, 0x55, 0x04, 0x03};
    byte[] name =
        der(
            0x30,
            der(0x31, der(0x30, commonName, der(0x0c, "sluice".getBytes(StandardCharsets.UTF_8)))));
    byte[] validity =
        der(
            0x30,
            der(0x17, "200101000000Z".getBytes(StandardCharsets.US_ASCII)),
            der(0x18, "20991231235959Z".getBytes(StandardCharsets.US_ASCII)));
    byte[] toBeSigned =
        der(
            0x30,
            new byte[] {0x02, 0x01, 0x01},
            algorithm,
            name,
            validity,
            name,
            pair.getPublic().getEncoded());
    Signature signature = Signature.getInstance("Ed25519");
    signature.initSign(pair.getPrivate());
    signature.update(toBeSigned);
    byte[] encoded = der(0x30, toBeSigned, algorithm, der(0x03, new byte[] {0}, signature.sign()));
    return (X509Certificate)
        CertificateFactory.getInstance("X.509")
            .generateCertificate(new ByteArrayInputStream(encoded));
  }

  /** A DER value: tag, length, parts. */
  private static byte[] der(int tag, byte[]... parts) {
    int length = 0;
    for (byte[] part : parts) {
      length += part.length;
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream(length + 4);
    out.write(tag);
    if (length > 127) {
      out.write(0x82);
      out.write(length >>> 8);
    }
    out.write(length);
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }

  X509Certificate certificate() throws GeneralSecurityException {
    return (X509Certificate) store.getCertificate(ALIAS);
  }

  /** Key and certificate, to be shown and to be trusted, with the password that goes with them. */
  public PfxOptions pfx() throws GeneralSecurityException, IOException {
    return new PfxOptions().setValue(Buffer.buffer(pkcs12())).setPassword(PASSWORD);
  }

  /** Key and certificate, to be shown and to be trusted, as a PKCS #12 store. */
  byte[] pkcs12() throws GeneralSecurityException, IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    store.store(out, PASSWORD.toCharArray());
    return out.toByteArray();
  }

  /** Sockets of both ends for JGroups. */
  public SocketFactory jgroupsSockets() throws GeneralSecurityException {
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(store, PASSWORD.toCharArray());
    SSLContext context = SSLContext.getInstance(PROTOCOL);
    context.init(keys.getKeyManagers(), trust(), null);
    DefaultSocketFactory factory = new DefaultSocketFactory(context);
    factory.setServerSocketConfigurator(
        socket -> ((SSLServerSocket) socket).setNeedClientAuth(true));
    return factory;
  }

  /** Takes the certificate in the store and no other. */
  TrustManager[] trust() throws GeneralSecurityException {
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    return trust.getTrustManagers();
  }

  /** Gives the seed as if it were random; a key generator draws it once. */
  private static final class FixedRandom extends SecureRandom {

    private static final long serialVersionUID = 1L;

    private final byte[] seed;

    FixedRandom(byte[] seed) {
      super(null, null);
      this.seed = seed;
    }

    @Override
    public void nextBytes(byte[] bytes) {
      if (bytes.length != seed.length) {
        throw new IllegalStateException("asked for " + bytes.length + " bytes, not a seed");
      }
      System.arraycopy(seed, 0, bytes, 0, bytes.length);
    }
  }
}
