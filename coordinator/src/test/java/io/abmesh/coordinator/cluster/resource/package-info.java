/** Tests of the resource's types and of the definition that is made of them. */
package io.abmesh.coordinator.cluster.resource;
