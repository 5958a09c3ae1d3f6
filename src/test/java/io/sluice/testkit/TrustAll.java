package io.sluice.testkit;

import java.security.cert.X509Certificate;
import javax.net.ssl.X509TrustManager;

/** For a client that does not mind whom it talks to. */
public final class TrustAll implements X509TrustManager {

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type) {}

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type) {}

  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return new X509Certificate[0];
  }
}
