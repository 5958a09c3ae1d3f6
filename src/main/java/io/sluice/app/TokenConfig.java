package io.sluice.app;

import io.sluice.gateway.TokenOptions;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/** Reads whose tokens the HTTP front accepts. */
final class TokenConfig {

  private TokenConfig() {}

  /**
   * As configured, or null if everyone may do everything.
   *
   * @throws ConfigException if the key cannot be read, or is none
   */
  static TokenOptions of(Configuration from) {
    String file = from.text(ConfigTable.HTTP_TOKEN_KEY);
    String issuer = from.text(ConfigTable.HTTP_TOKEN_ISSUER);
    String audience = from.text(ConfigTable.HTTP_TOKEN_AUDIENCE);
    if (file.isEmpty()) {
      if (!issuer.isEmpty() || !audience.isEmpty()) {
        throw wrong(
            ConfigTable.HTTP_TOKEN_ISSUER.name()
                + " and "
                + ConfigTable.HTTP_TOKEN_AUDIENCE.name()
                + " mean nothing without "
                + ConfigTable.HTTP_TOKEN_KEY.name());
      }
      return null;
    }
    try {
      return new TokenOptions(Files.readString(Path.of(file)), orNull(issuer), orNull(audience));
    } catch (NoSuchFileException e) {
      throw wrongKey(file, "there is no such file");
    } catch (CharacterCodingException e) {
      throw wrongKey(file, "this is no text; give a PEM, a JSON Web Key Set, or a secret as text");
    } catch (IOException e) {
      throw wrongKey(file, "it cannot be read (" + e + ")");
    } catch (IllegalArgumentException e) {
      throw wrongKey(file, e.getMessage());
    }
  }

  private static String orNull(String text) {
    return text.isEmpty() ? null : text;
  }

  private static ConfigException wrongKey(String file, String problem) {
    return wrong(ConfigTable.HTTP_TOKEN_KEY.name() + ": " + file + ": " + problem);
  }

  private static ConfigException wrong(String mistake) {
    return new ConfigException(List.of(mistake));
  }
}
