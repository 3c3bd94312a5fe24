package com.google.gson;

public abstract class JsonElement {
    public native String getAsString();

    public native int getAsInt();

    public native long getAsLong();
}
