package com.google.gson;

public abstract class JsonElement {
    public native String getAsString();
}
