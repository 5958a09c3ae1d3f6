package io.sluice.gateway;

import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.auth.JWTOptions;
import io.vertx.ext.auth.PubSecKeyOptions;
import io.vertx.ext.auth.jwt.JWTAuthOptions;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.Objects;

/**
 * Whose tokens are accepted: a key and, if wanted, who must have issued them and for whom. The key
 * is a set of keys in JSON (RFC 7517), or one public key in PEM (RSA for RS256, P-256 for ES256),
 * or else a secret for HS256. Immutable.
 *
 * @param key the text of the key
 * @param issuer the claim {@code iss} that a token must have, or null
 * @param audience the claim {@code aud} that a token must have, or null
 */
public record TokenOptions(String key, String issuer, String audience) {

  /** RFC 7518, 3.2: as many bits as the hash has. */
  private static final int MIN_SECRET_BYTES = 32;

  private static final String PEM_BEGIN = "-----BEGIN PUBLIC KEY-----";
  private static final String PEM_END = "-----END PUBLIC KEY-----";

  /**
   * Checks the key.
   *
   * @throws IllegalArgumentException if it is none; says what is allowed
   */
  public TokenOptions {
    key = key.strip();
    Objects.requireNonNull(verifierOf(key));
  }

  JWTAuthOptions forVerifier() {
    JWTOptions claims = new JWTOptions();
    if (issuer != null) {
      claims.setIssuer(issuer);
    }
    if (audience != null) {
      claims.addAudience(audience);
    }
    return verifierOf(key).setJWTOptions(claims);
  }

  private static JWTAuthOptions verifierOf(String key) {
    if (key.startsWith("{")) {
      return ofSet(key);
    }
    if (key.startsWith("-----")) {
      return new JWTAuthOptions()
          .addPubSecKey(new PubSecKeyOptions().setAlgorithm(algorithm(key)).setBuffer(key));
    }
    if (key.getBytes(StandardCharsets.UTF_8).length < MIN_SECRET_BYTES) {
      throw new IllegalArgumentException(
          "a secret of "
              + key.getBytes(StandardCharsets.UTF_8).length
              + " bytes is too short, at least "
              + MIN_SECRET_BYTES
              + " are needed; or give a public key in PEM, or a JSON Web Key Set");
    }
    return new JWTAuthOptions()
        .addPubSecKey(new PubSecKeyOptions().setAlgorithm("HS256").setBuffer(key));
  }

  private static JWTAuthOptions ofSet(String key) {
    JWTAuthOptions options = new JWTAuthOptions();
    try {
      JsonObject given = new JsonObject(key);
      JsonArray keys = given.containsKey("kty") ? JsonArray.of(given) : given.getJsonArray("keys");
      if (keys == null || keys.isEmpty()) {
        throw new IllegalArgumentException(
            "a JSON Web Key Set has its keys in \"keys\"; there are none");
      }
      for (int i = 0; i < keys.size(); i++) {
        options.addJwk(keys.getJsonObject(i));
      }
    } catch (DecodeException | ClassCastException e) {
      throw new IllegalArgumentException("this is no JSON Web Key Set: " + e.getMessage());
    }
    return options;
  }

  private static String algorithm(String pem) {
    if (!pem.startsWith(PEM_BEGIN) || !pem.endsWith(PEM_END)) {
      throw new IllegalArgumentException(
          "of PEM a public key is needed, from '" + PEM_BEGIN + "' to '" + PEM_END + "'");
    }
    String base64 = pem.substring(PEM_BEGIN.length(), pem.length() - PEM_END.length());
    X509EncodedKeySpec spec;
    try {
      spec = new X509EncodedKeySpec(Base64.getMimeDecoder().decode(base64));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("the PEM is not valid base64: " + e.getMessage());
    }
    if (isOf("RSA", spec)) {
      return "RS256";
    }
    if (isOf("EC", spec)) {
      return "ES256";
    }
    throw new IllegalArgumentException("the public key is neither of RSA nor of an elliptic curve");
  }

  private static boolean isOf(String family, X509EncodedKeySpec spec) {
    try {
      return KeyFactory.getInstance(family).generatePublic(spec) != null;
    } catch (GeneralSecurityException e) {
      return false;
    }
  }
}
