package io.abmesh.nn.teacher;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** Finds the names that a mistyped one may have meant, by edit distance without regard to case. */
final class NearNames {
    private static final int COUNT = 5;

    private NearNames() {}

    /** Returns at most {@value #COUNT} names, nearest first. */
    static List<String> of(String wanted, List<String> names) {
        return names.stream()
                .distinct()
                .sorted(
                        Comparator.<String>comparingInt(
                                name -> distance(lower(wanted), lower(name))))
                .limit(COUNT)
                .toList();
    }

    private static String lower(String name) {
        return name.toLowerCase(Locale.ROOT);
    }

    /** Levenshtein's distance, one row at a time. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
