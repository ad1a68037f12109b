package io.abmesh.nn.engine;

/**
 * How channels lie in memory: {@code [images, groups, positions, lanes]}, dense and row-major,
 * where channel {@code group * lanes + lane} has a value per image and position. Channels-last is
 * one group of all lanes; channels-first has one lane; libraries like a lane per slot of a vector
 * register between the two.
 *
 * @param images at least 1
 * @param channels the true ones; the last group may be wider than what is left of them
 * @param lanes channels of a group
 * @param positions rows times columns
 */
record ChannelLayout(int images, int channels, int lanes, int positions) {
    /** Returns the layout {@code [rows, channels]}. */
    static ChannelLayout rows(int rows, int channels) {
        return new ChannelLayout(1, channels, channels, rows);
    }

    /** Returns the groups that hold all channels. */
    int groups() {
        return (channels + lanes - 1) / lanes;
    }

    /** Returns the elements of one group of one image. */
    int plane() {
        return positions * lanes;
    }

    /** Returns the groups of all images. */
    int planes() {
        return images * groups();
    }
}
