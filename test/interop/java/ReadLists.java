import java.io.BufferedInputStream;
import java.io.FileInputStream;
import java.io.InputStream;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.util.Set;

/**
 * Reads lists and verifies each: file names as arguments, the CA's certificate first. Prints for each list its number
 * of entries.
 */
public final class ReadLists {
  public static void main(String[] args) throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    X509Certificate ca;
    try (InputStream in = new FileInputStream(args[0])) {
      ca = (X509Certificate) factory.generateCertificate(in);
    }
    for (int index = 1; index < args.length; index += 1) {
      try (InputStream in = new BufferedInputStream(new FileInputStream(args[index]))) {
        X509CRL list = (X509CRL) factory.generateCRL(in);
        list.verify(ca.getPublicKey());
        Set<?> entries = list.getRevokedCertificates();
        System.out.println(entries == null ? 0 : entries.size());
      }
    }
  }
}
